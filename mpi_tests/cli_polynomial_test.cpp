// The polynomial method as a user runs it: what it is asked for is what verify finds and what the file and the
// report tell, and what it cannot do it says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/hdf5.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using io::Handle;
using nlohmann::json;

/// A numeric root attribute.
double attribute(const std::string& path, const std::string& name) {
  const Handle file(TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  const Handle attribute(TATTN_H5(H5Aopen, file.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  double value = 0;
  TATTN_H5(H5Aread, attribute.get(), H5T_NATIVE_DOUBLE, &value);
  return value;
}

class Polynomial : public testing::TestWithParam<int> {};

TEST_P(Polynomial, GradientMeetsTheToleranceAndSaysHow) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 150 --key-rows 120,90 --dim 5 --value-dim 4 --spread 0.7 --upstream")
                .status,
            0);
  const Outcome done = shop.tattn(
      "gradient in.h5 out.h5 --method polynomial --tolerance 1e-2 --report run.json --threads 2", GetParam());
  ASSERT_EQ(done.status, 0) << done.err;
  // Three times the tolerance is what measuring on other rows promises for any single gradient.
  const Outcome verified = shop.tattn("verify in.h5 out.h5 --samples 64 --tolerance 3e-2");
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  const json report = json::parse(read_bytes(shop.path("run.json")));
  EXPECT_EQ(report["plan"]["method"], "polynomial");
  EXPECT_GT(report["plan"]["features"].get<int>(), 1);
  EXPECT_LE(report["error"]["measured"].get<double>(), 1e-2);
  EXPECT_TRUE(report["error"]["certified"].is_null());
  EXPECT_EQ(attribute(shop.path("out.h5"), "features"), report["plan"]["features"].get<double>());
  EXPECT_EQ(attribute(shop.path("out.h5"), "measured_error"), report["error"]["measured"].get<double>());
}

// Every way to write a grid for these ranks: the same result, and the bytes that the report predicts.
TEST_P(Polynomial, GridTellsWhatItSends) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 60 --key-rows 45 --dim 4 --heads 3 --spread 0.5 --upstream").status,
            0);
  const int ranks = GetParam();
  const std::string how = "gradient in.h5 out.h5 --force --method polynomial --degree 4 --report run.json --grid ";
  for (const auto& [sequence, features] : {std::pair{1, 1}, {ranks, 1}, {1, ranks}}) {
    const Outcome done = shop.tattn(how + fmt::format("{},{}", sequence, features), ranks);
    ASSERT_EQ(done.status, 0) << done.err;
    const json report = json::parse(read_bytes(shop.path("run.json"))), grid = report["plan"]["grid"];
    EXPECT_EQ(grid["slices"], ranks / sequence / features);
    EXPECT_EQ(grid["sequence"], sequence);
    EXPECT_EQ(grid["features"], features);
    const auto predicted = report["plan"]["predicted"]["bytes_communicated"].get<double>();
    EXPECT_NEAR(report["bytes_communicated"].get<double>(), predicted, 0.01 * predicted);
    EXPECT_EQ(predicted == 0, sequence * features == 1);
    const Outcome verified = shop.tattn("verify in.h5 out.h5 --tolerance 3e-2");
    EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  }
}

TEST_P(Polynomial, CertifiedTellsDegreeAndBound) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 60 --dim 3 --spread 0.3 --dtype f64").status, 0);
  const Outcome done =
      shop.tattn("forward in.h5 out.h5 --method polynomial --error certified --tolerance 1e-6", GetParam());
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_LE(attribute(shop.path("out.h5"), "certified_error"), 1e-6);
  EXPECT_GE(attribute(shop.path("out.h5"), "degree"), 1);
  EXPECT_EQ(shop.tattn("verify in.h5 out.h5 --tolerance 1e-5").status, 0);
}

TEST_P(Polynomial, HeavyRowsAreTakenAndTold) {
  const Workshop shop;
  ASSERT_EQ(
      shop.tattn("generate in.h5 --rows 70 --key-rows 60,50 --dim 4 --heads 2 --spread 0.6 --upstream").status, 0);
  const std::string how =
      "gradient in.h5 out.h5 --tolerance 1e-2 --method polynomial --report run.json --heavy-rows ";
  const Outcome done = shop.tattn(how + "2,3,0", GetParam());
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_NE(done.err.find("heavy rows 2,3,0"), std::string::npos) << done.err;
  const json report = json::parse(read_bytes(shop.path("run.json")));
  EXPECT_EQ(report["plan"]["heavy_rows"], json::parse("[2,3,0]"));
  EXPECT_EQ(shop.tattn("verify in.h5 out.h5 --samples 64 --tolerance 3e-2").status, 0);
  expect_refused(shop, how + "1,2 --force", GetParam(), 2, "Q and 2 keys take 3");
  expect_refused(shop, how + "1,2,x --force", GetParam(), 2, "is not a number of rows");
  expect_refused(shop, "forward in.h5 out.h5 --heavy-rows 1,2,3", GetParam(), 2, "belongs to --method polynomial");
}

TEST_P(Polynomial, RefusesWhatItCannotDo) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 40 --dim 16 --spread 3").status, 0);
  const std::vector<std::tuple<std::string, int, std::string>> refusals{
      {"--method polynomial --causal", 2, "does not do causal"},
      {"--method polynomial --degree 2 --features 5", 2, "exclude each other"},
      {"--method polynomial --tolerance 1e-6", 1, "scores reach"},
      {"--method polynomial --error certified", 1, "scores reach"}};
  for (const auto& [options, status, says] : refusals)
    expect_refused(shop, "forward in.h5 out.h5 " + options, GetParam(), status, says);
}

TEST_P(Polynomial, PlanTellsMethodReasonAndCost) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 300 --dim 5 --spread 0.7").status, 0);
  const Outcome small = shop.tattn("plan in.h5 --report run.json", GetParam());
  ASSERT_EQ(small.status, 0) << small.err;
  EXPECT_NE(small.out.find("in.h5: gradient by method"), std::string::npos) << small.out;
  const json report = json::parse(read_bytes(shop.path("run.json")));
  EXPECT_GT(report["plan"]["predicted"]["seconds"].get<double>(), 0);
  EXPECT_GT(report["plan"]["exact_seconds"].get<double>(), 0);
  const Outcome asked = shop.tattn(
      "plan in.h5 --command forward --method polynomial --tolerance 1e-2 --ranks 12 --grid 3,2", GetParam());
  ASSERT_EQ(asked.status, 0) << asked.err;
  EXPECT_NE(asked.out.find("on 12 ranks x 1 thread: 2 slice groups x 3 sequence blocks x 2 feature groups"),
            std::string::npos)
      << asked.out;
  EXPECT_EQ(asked.out.find("gradient by"), std::string::npos);
}

// Long sequences: the exact method is predicted to take minutes, and auto does not.
TEST_P(Polynomial, AutoTakesItWhereExactIsSlow) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 3000 --dim 4 --spread 0.4").status, 0);
  const Outcome done = shop.tattn("forward in.h5 out.h5 --report run.json", GetParam());
  ASSERT_EQ(done.status, 0) << done.err;
  const json report = json::parse(read_bytes(shop.path("run.json")));
  EXPECT_EQ(report["plan"]["method"], "polynomial");
  EXPECT_LT(report["plan"]["polynomial_seconds"].get<double>(), report["plan"]["exact_seconds"].get<double>());
  EXPECT_LE(report["error"]["measured"].get<double>(), 1e-3);
  EXPECT_NE(done.err.find("where exact would take"), std::string::npos) << done.err;
}

// Where auto would take the polynomial, verify does not: the exact result is right to rounding.
TEST_P(Polynomial, IsNotWhatVerifyJudgesBy) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 1500 --dim 4 --spread 0.4 --dtype f64").status, 0);
  ASSERT_EQ(shop.tattn("forward in.h5 out.h5 --method exact --threads 2").status, 0);
  const Outcome verified = shop.tattn("verify in.h5 out.h5 --tolerance 1e-9 --report run.json", GetParam());
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_EQ(json::parse(read_bytes(shop.path("run.json")))["plan"]["method"], "exact");
}

INSTANTIATE_TEST_SUITE_P(Cli, Polynomial, testing::Values(1, 3));

}  // namespace
}  // namespace tattn::test
