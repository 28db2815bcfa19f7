// tattn study as a user runs it, at sizes that take a moment: the table has the columns and points it should, and a
// study goes on where it was left.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "study/row.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using study::Row;

const std::string kTiny = " --dim 3 --repeats 2 --spread 0.3 --tolerance 0.1";

std::vector<Row> rows_of(const std::string& path) {
  std::istringstream text(read_bytes(path));
  std::string line;
  std::getline(text, line);
  EXPECT_EQ(line, study::header());
  std::vector<Row> rows;
  while (std::getline(text, line)) rows.push_back(study::from_line(line).value());
  return rows;
}

class StudyRun : public testing::TestWithParam<int> {
 protected:
  std::vector<Row> run(const std::string& what, const std::string& time_limit = "1000") {
    const Outcome done =
        shop.tattn(fmt::format("study {} {} --time-limit {}", what, kTiny, time_limit), GetParam());
    EXPECT_EQ(done.status, 0) << done.err;
    out = done.out;
    return rows_of(shop.path("out.csv"));
  }

  const Workshop shop;
  std::string out;
};

TEST_P(StudyRun, LengthHasBothMethods) {
  const auto rows = run("length out.csv --rows 256");
  ASSERT_EQ(rows.size(), 6U);
  for (const Row& row : rows) {
    EXPECT_EQ(row.kind, "length");
    EXPECT_EQ(row.ranks, GetParam());
    EXPECT_EQ(row.repeats, 2);
    EXPECT_LE(*row.forward_low, *row.seconds_forward);
    EXPECT_LE(*row.seconds_forward, *row.forward_high);
    EXPECT_GT(*row.predicted_gradient, 0);
    EXPECT_EQ(row.features.has_value(), row.method == "polynomial");
  }
  EXPECT_NE(out.find("rows"), std::string::npos) << out;
}

TEST_P(StudyRun, ExactIsPredictedBeyondTheTimeLimit) {
  const auto rows = run("length out.csv --rows 512", "1e-6");
  ASSERT_EQ(rows.size(), 5U);  // both methods once, then predictions of exact
  EXPECT_TRUE(rows[0].measured);
  EXPECT_FALSE(rows[4].measured);
  EXPECT_FALSE(rows[4].seconds_forward);
  EXPECT_GT(*rows[4].predicted_forward, *rows[3].predicted_forward);
}

TEST_P(StudyRun, ScalingSplitsTheRanks) {
  for (const std::string kind : {"strong", "weak"}) {
    const auto rows = run(kind + " out.csv --force --rows 300 --features 20 --method polynomial --predict-ranks 8");
    std::map<std::int64_t, Row> measured, predicted;
    for (const Row& row : rows) (row.measured ? measured : predicted)[row.ranks] = row;
    EXPECT_EQ(measured.size(), GetParam() == 1 ? 1U : GetParam() == 2 ? 2U : 3U);
    EXPECT_EQ(predicted.size(), 4U);
    EXPECT_EQ(predicted[8].rows, kind == "weak" ? 2400 : 300);
    EXPECT_EQ(measured[GetParam()].rows, kind == "weak" ? 300 * GetParam() : 300);
    EXPECT_EQ(measured[1].bytes_communicated, 0);
    EXPECT_GE(*measured[GetParam()].communication_share, 0);
    EXPECT_LE(*measured[GetParam()].communication_share, 1);
  }
}

TEST_P(StudyRun, WeakExactKeepsTheWorkOfARank) {
  const auto rows = run("weak out.csv --rows 32 --method exact");
  EXPECT_EQ(rows.back().ranks, GetParam());
  EXPECT_EQ(rows.back().rows, 32 * GetParam());
}

TEST_P(StudyRun, AccuracyImprovesWithFeatures) {
  const auto rows = run("accuracy out.csv --rows 40 --dtype f64");
  std::map<std::string, Row> by_point;
  for (const Row& row : rows) by_point[row.point] = row;
  const Row few = by_point.at("measured features=4"), many = by_point.at("full degree=8");
  EXPECT_EQ(many.features, 165);
  for (const Row& row : {few, many}) {
    EXPECT_GT(*row.error, 0);
    EXPECT_TRUE(row.error_query && row.error_key[1] && row.error_value[1]);
    EXPECT_FALSE(row.error_key[2]);
  }
  EXPECT_LT(*many.error, *few.error / 100);
  EXPECT_LE(*many.error, *many.certified_error * 10);
}

// Reproducible, as by measured rates a set is as large as costs nothing.
TEST_P(StudyRun, BoundNeedsMoreFeaturesForLargerEntries) {
  const auto rows = run("bound out.csv --rows 200 --order 1 --reproducible");
  std::int64_t before = 0;
  int sets = 0;
  for (const Row& row : rows)
    if (row.method == "polynomial" && row.features) {
      EXPECT_GE(*row.features + 1, before);
      before = *row.features;
      ++sets;
    }
  EXPECT_GT(sets, 0);
  EXPECT_TRUE(rows.front().method == "exact" && !rows.front().measured);
}

TEST_P(StudyRun, GoesOnWhereItWasLeft) {
  const auto first = run("length out.csv --rows 128");
  const std::string path = shop.path("out.csv"), whole = read_bytes(path);
  const std::string last = study::to_line(first.back());
  write_bytes(path, whole.substr(0, whole.size() - last.size() / 2));  // the last line was being written
  const auto again = run("length out.csv --rows 256");
  ASSERT_EQ(again.size(), 6U);
  for (std::size_t r = 0; r + 1 < first.size(); ++r) EXPECT_EQ(again[r], first[r]);
  EXPECT_NE(again[first.size() - 1], first.back());  // measured anew
  const auto same = run("length out.csv --rows 256");
  EXPECT_EQ(same, again);
}

TEST_P(StudyRun, OtherOptionsStartAnewOnlyWithForce) {
  run("length out.csv --rows 64");
  expect_refused(shop, "study length out.csv --rows 64 --dim 4", GetParam(), 2, "start anew with --force");
  expect_refused(shop, "study bound out.csv", GetParam(), 2, "holds a study of kind 'length'");
  const auto rows = run("length out.csv --rows 64 --force --value-dim 5");
  EXPECT_EQ(rows.size(), 2U);
}

TEST_P(StudyRun, RefusesWhatIsWrong) {
  write_bytes(shop.path("notes.csv"), "a,b\n1,2\n");
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"lenght out.csv", "did you mean 'length'?"},
      {"zzz out.csv", "use one of length"},
      {"length nowhere/out.csv", "does not exist"},
      {"length notes.csv", "no table"},
      {"length out.csv --grid 1,1", "leave --grid out"},
      {"length out.csv --predict-ranks 4", "belongs to"},
      {"strong out.csv --key-rows 3,4 --order 3", "names 2 lengths"}};
  for (const auto& [what, says] : wrong) expect_refused(shop, "study " + what, GetParam(), 2, says);
}

class Machine : public testing::TestWithParam<int> {};

TEST_P(Machine, IsMeasuredAndPlannedFor) {
  const Workshop shop;
  const Outcome measured = shop.tattn("plan --calibrate here.json", GetParam());
  ASSERT_EQ(measured.status, 0) << measured.err;
  EXPECT_NE(measured.out.find("matrix products"), std::string::npos) << measured.out;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 300 --dim 5").status, 0);
  const Outcome plan = shop.tattn("plan in.h5 --method exact --ranks 1000 --machine here.json", GetParam());
  EXPECT_EQ(plan.status, 0) << plan.err;
  EXPECT_NE(plan.out.find("on 1000 ranks"), std::string::npos) << plan.out;
}

TEST_P(Machine, ReplacesNoFileUnasked) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 30 --dim 5").status, 0);
  write_bytes(shop.path("kept.json"), "mine");
  expect_refused(shop, "plan --calibrate kept.json", GetParam(), 2, "kept.json: exists: add --force");
  expect_refused(shop, "plan in.h5 --calibrate in.h5 --force", GetParam(), 2, "is the same file as in.h5");
  expect_refused(shop, "plan in.h5 --report kept.json --machine kept.json", GetParam(), 2, "is the same file");
  EXPECT_EQ(read_bytes(shop.path("kept.json")), "mine");
  EXPECT_EQ(shop.tattn("plan --calibrate kept.json --force", GetParam()).status, 0);
}

TEST_P(Machine, RefusesADescriptionThatLacksSomething) {
  const Workshop shop;
  write_bytes(shop.path("bad.json"), R"({"core_flops": {"f32": 1e9, "f64": -1}})");
  write_bytes(shop.path("none.json"), "no JSON");
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 30 --dim 5").status, 0);
  expect_refused(shop, "plan in.h5 --machine bad.json", GetParam(), 3, "'core_flops/f64' is not there or not");
  expect_refused(shop, "plan in.h5 --machine none.json", GetParam(), 3, "is not a JSON object");
  expect_refused(shop, "plan in.h5 --machine missing.json", GetParam(), 3, "cannot be read");
  expect_refused(shop, "plan", GetParam(), 2, "IN is required");
}

TEST(Help, TellsACommandWithExamples) {
  const Workshop shop;
  const Outcome plan = shop.tattn("help plan");
  EXPECT_EQ(plan.status, 0) << plan.err;
  EXPECT_NE(plan.out.find("--calibrate"), std::string::npos) << plan.out;
  EXPECT_NE(plan.out.find("Examples:"), std::string::npos) << plan.out;
  EXPECT_EQ(plan.out, shop.tattn("plan --help").out);
  EXPECT_NE(shop.tattn("help").out.find("tattn help COMMAND"), std::string::npos);
  expect_refused(shop, "help pln", 1, 2, "did you mean 'plan'?");
}

INSTANTIATE_TEST_SUITE_P(Cli, Machine, testing::Values(1, 2));
INSTANTIATE_TEST_SUITE_P(Cli, StudyRun, testing::Values(1, 2, 3));

}  // namespace
}  // namespace tattn::test
