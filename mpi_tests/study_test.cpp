// The pure parts of the studies: rows as lines, fits of planted curves, efficiency, predictions.
#include <gtest/gtest.h>

#include <cmath>

#include "plan/machine.hpp"
#include "study/fit.hpp"
#include "study/predict.hpp"
#include "study/summary.hpp"
#include "support/case.hpp"

namespace tattn::test {
namespace {

using study::Measurement;
using study::Row;

Row planted(const std::string& kind, const std::string& method, std::int64_t rows, std::int64_t ranks,
            double seconds) {
  Row row;
  row.kind = kind;
  row.method = method;
  row.rows = rows;
  row.ranks = ranks;
  row.seconds_forward = seconds / 3;
  row.seconds_gradient = seconds - seconds / 3;
  return row;
}

/// Exact takes 1e-9 n^3 s, the polynomial 1e-5 n s: equal at n = 100.
std::vector<Row> planted_length() {
  std::vector<Row> rows;
  for (std::int64_t n = 64; n <= 4096; n *= 2) {
    rows.push_back(planted("length", "exact", n, 1, 1e-9 * std::pow(static_cast<double>(n), 3)));
    rows.push_back(planted("length", "polynomial", n, 1, 1e-5 * static_cast<double>(n)));
  }
  return rows;
}

TEST(Median, IsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(study::median({3, 1, 2}), 2);
  EXPECT_EQ(study::median({4, 1, 2, 3}), 2.5);
}

TEST(StudyRow, ComesBackFromItsLine) {
  Row row = planted("bound", "polynomial", 1 << 20, 3, 0.1);
  row.features = 17;
  row.entry = 1.0 / 3;
  row.grid = "1x3x1";
  row.error_value[3] = 1e-300;
  row.options = "rows=any dim=8";
  row.measured = false;
  EXPECT_EQ(study::from_line(study::to_line(row)), row);
  EXPECT_EQ(study::from_line(study::to_line(Row())), Row());
}

TEST(StudyRow, HalfALineIsNoRow) {
  const std::string line = study::to_line(planted("length", "exact", 64, 1, 1));
  EXPECT_FALSE(study::from_line(line.substr(0, line.size() / 2)));
  EXPECT_FALSE(study::from_line(line + ",more"));
  EXPECT_FALSE(study::from_line(""));
  EXPECT_FALSE(study::from_line("length,one" + line.substr(line.find(',', 7))));
}

TEST(StudyRow, HeaderBeginsWithTheColumnsOfTheInterface) {
  EXPECT_TRUE(study::header().starts_with(
      "kind,ranks,threads,rows,dim,order,method,features,spread,seconds_forward,seconds_gradient,predicted_forward,"
      "predicted_gradient,error,bytes_communicated,measured,"));
}

TEST(StudyFit, FindsPlantedExponents) {
  const auto rows = planted_length();
  const auto exact = study::fit_power(study::seconds_over_rows(rows, "exact", true));
  const auto polynomial = study::fit_power(study::seconds_over_rows(rows, "polynomial", true));
  ASSERT_TRUE(exact && polynomial);
  EXPECT_NEAR(exact->exponent, 3, 1e-12);
  EXPECT_NEAR(exact->factor, 1e-9, 1e-20);
  EXPECT_NEAR(polynomial->exponent, 1, 1e-12);
  EXPECT_FALSE(study::fit_power({{5, 1}}));
  EXPECT_FALSE(study::fit_power({{5, 1}, {5, 2}}));
}

TEST(StudyFit, FindsThePlantedCrossover) {
  const auto rows = planted_length();
  const auto exact = study::seconds_over_rows(rows, "exact", true);
  const auto polynomial = study::seconds_over_rows(rows, "polynomial", true);
  EXPECT_NEAR(study::crossover(exact, polynomial).value(), 100, 1e-9);
  EXPECT_FALSE(study::crossover(polynomial, exact));
  EXPECT_FALSE(study::crossover({}, exact));
}

TEST(StudyFit, TailLeavesOutWhatIsTooShort) {
  const std::vector<Measurement> points{{1, 1e-6}, {2, 1}, {4, 2}, {8, 4}};
  EXPECT_EQ(study::tail(points, 1e-3, 6).size(), 3U);
  EXPECT_EQ(study::tail(points, 1e-3, 2).front().x, 4);
}

TEST(StudySummary, EfficiencyIsAgainstOneRank) {
  std::vector<Row> rows{planted("strong", "exact", 100, 1, 8), planted("strong", "exact", 100, 4, 2.5)};
  EXPECT_DOUBLE_EQ(study::efficiency(rows, rows[1]).value(), 0.8);
  for (Row& row : rows) row.kind = "weak";
  EXPECT_DOUBLE_EQ(study::efficiency(rows, rows[1]).value(), 3.2);
}

TEST(StudySummary, TellsExponentsAndCrossover) {
  const std::string text = study::summary("length", planted_length());
  EXPECT_NE(text.find("rows^3.00"), std::string::npos) << text;
  EXPECT_NE(text.find("rows^1.00"), std::string::npos) << text;
  EXPECT_NE(text.find("faster from 100 rows"), std::string::npos) << text;
}

TEST(StudyPrediction, GridHasAllRanksAndTheNetworkItsShare) {
  const Problem problem{make_shape(1, 1 << 14, {1 << 14, 1 << 14}, 8, 8), 0.1, false};
  const plan::Rates rates{5e10, 6e10, 4e10, 3e10, 5e-6, 5e9, 3e10};
  const Row one = study::predicted_row({problem, 4, false, 500, 1, 1}, rates);
  const Row many = study::predicted_row({problem, 4, false, 500, 1024, 1}, rates);
  EXPECT_FALSE(one.measured);
  EXPECT_EQ(one.grid, "1x1x1");
  EXPECT_EQ(one.communication_share, 0);
  EXPECT_GT(*many.communication_share, 0.1);
  EXPECT_LT(*many.communication_share, 1);
  EXPECT_LT(*many.seconds(), *one.seconds());
  EXPECT_EQ(study::predicted_row({problem, 4, false, std::nullopt, 4, 1}, rates).method, "exact");
}

TEST(Machine, KernelsKeepTheirShareAndRanksOfANodeShareItsNetwork) {
  const plan::Rates here{5e10, 6e10, 4e10, 3e10, 5e-6, 5e9, 3e10};
  const plan::Machine machine{"m", 2e11, 1e11, 8, 2.4e11, 1e-6, 1.6e10};
  const plan::Rates one_node = plan::on_machine(here, 1e11, machine, 4, 8, 1);
  EXPECT_DOUBLE_EQ(one_node.exact_forward, 1e11);
  EXPECT_DOUBLE_EQ(one_node.polynomial_gradient, 6e10);
  EXPECT_DOUBLE_EQ(one_node.bandwidth, 1e10);
  EXPECT_DOUBLE_EQ(plan::on_machine(here, 1e11, machine, 8, 8, 1).exact_forward, 5e10);
  EXPECT_DOUBLE_EQ(plan::on_machine(here, 1e11, machine, 4, 9, 1).bandwidth, 1e9);
  EXPECT_DOUBLE_EQ(plan::on_machine(here, 1e11, machine, 4, 9, 1).exchange, 2e9);
  EXPECT_DOUBLE_EQ(plan::on_machine(here, 1e11, machine, 4, 9, 8).bandwidth, 8e9);
  EXPECT_EQ(one_node.latency, 1e-6);
}

}  // namespace
}  // namespace tattn::test
