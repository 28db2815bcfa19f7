// Bounds of the scores against the scores.
#include "plan/score_bound.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::plan {
namespace {

struct Operands {
  std::int64_t dim = 0;
  std::vector<std::vector<double>> x;  // query, then keys
  [[nodiscard]] std::int64_t rows(std::size_t u) const { return std::ssize(x[u]) / dim; }
};

Balance balance_of(const Operands& operands) {
  std::vector<std::vector<double>> peaks;
  for (std::size_t u = 0; u < operands.x.size(); ++u) {
    peaks.emplace_back(operands.dim, 0);
    raise_column_peaks(operands.x[u].data(), operands.rows(u), operands.dim, peaks.back().data());
  }
  return balance(std::move(peaks));
}

/// The bound of each query row.
std::vector<double> bounds(const Operands& operands, double scale) {
  const Balance balance = balance_of(operands);
  std::vector<double> norms(operands.rows(0)), keys, result;
  row_norms(balance, 0, operands.x[0].data(), operands.rows(0), norms.data());
  for (std::size_t u = 1; u < operands.x.size(); ++u)
    keys.push_back(largest_row_norm(balance, static_cast<int>(u), operands.x[u].data(), operands.rows(u)));
  for (const double norm : norms) result.push_back(score_bound(balance, scale, norm, keys));
  return result;
}

/// Largest |s| of one query row over all key tuples; long double has the range for any product.
long double largest_score(const Operands& operands, std::size_t u, std::vector<long double> product) {
  if (u == operands.x.size()) {
    long double sum = 0;
    for (const long double p : product) sum += p;
    return std::abs(sum);
  }
  long double largest = 0;
  for (std::int64_t j = 0; j < operands.rows(u); ++j) {
    auto next = product;
    for (std::int64_t l = 0; l < operands.dim; ++l) next[l] *= operands.x[u][j * operands.dim + l];
    largest = std::max(largest, largest_score(operands, u + 1, std::move(next)));
  }
  return largest;
}

std::vector<long double> scores(const Operands& operands, double scale) {
  std::vector<long double> result;
  for (std::int64_t i = 0; i < operands.rows(0); ++i) {
    std::vector<long double> q;
    for (std::int64_t l = 0; l < operands.dim; ++l)
      q.push_back(scale * static_cast<long double>(operands.x[0][i * operands.dim + l]));
    result.push_back(largest_score(operands, 1, q));
  }
  return result;
}

/// Rows of wildly different magnitudes, some entries, rows and columns zero.
Operands draw(int order, int exponents) {
  Operands operands{*rc::gen::inRange<std::int64_t>(1, 5), {}};
  for (int u = 0; u <= order; ++u) {
    const auto rows = *rc::gen::inRange<std::size_t>(1, 5);
    std::vector<double> x;
    std::vector<int> column;
    for (std::int64_t l = 0; l < operands.dim; ++l) column.push_back(*rc::gen::inRange(-exponents, exponents + 1));
    for (std::size_t k = 0; k < rows * operands.dim; ++k)
      x.push_back(
          std::ldexp(*rc::gen::inRange(-1000, 1001) / 1000.0 * *rc::gen::inRange(0, 3), column[k % operands.dim]));
    operands.x.push_back(x);
  }
  return operands;
}

void holds(const Operands& operands, double scale) {
  const auto bound = bounds(operands, scale);
  const auto score = scores(operands, scale);
  for (std::size_t i = 0; i < bound.size(); ++i) RC_ASSERT(static_cast<long double>(bound[i]) >= score[i]);
}

RC_GTEST_PROP(ScoreBound, HoldsForEveryRow, ()) {
  holds(draw(*rc::gen::inRange(1, 5), 8), *rc::gen::inRange(-5, 6) / 3.0);
}

RC_GTEST_PROP(ScoreBound, HoldsForExtremeMagnitudes, ()) {
  holds(draw(*rc::gen::inRange(1, 5), 1000), *rc::gen::element(0.25, -1e-200, 1e200));
}

/// One row an operand, one feature: nothing is lost but the rounding that is allowed for.
RC_GTEST_PROP(ScoreBound, IsTheScoreOfASingleFeature, ()) {
  const auto order = *rc::gen::inRange<std::size_t>(1, 5);
  Operands operands{1, {}};
  double score = 1;
  for (std::size_t u = 0; u <= order; ++u) {
    operands.x.push_back({std::ldexp(*rc::gen::inRange(1, 1000) / 1000.0, *rc::gen::inRange(-100, 100))});
    score *= operands.x.back()[0];
  }
  const double eps = std::numeric_limits<double>::epsilon(), t2 = static_cast<double>(order) + 2;
  const double slack = eps * (3 * 745 * t2 * t2 + 9 * t2);
  RC_ASSERT(bounds(operands, 1)[0] <= score * (1 + 2 * slack));
}

/// Moving magnitude from one operand's column to another's changes no score, and so no bound.
RC_GTEST_PROP(ScoreBound, DoesNotSeeHowAFeatureIsSharedOut, ()) {
  Operands operands = draw(2, 3);
  const auto before = bounds(operands, 0.5);
  for (std::int64_t l = 0; l < operands.dim; ++l) {
    const int shift = *rc::gen::inRange(-20, 21);
    for (std::int64_t i = 0; i < operands.rows(0); ++i)
      operands.x[0][i * operands.dim + l] *= std::ldexp(1.0, shift);
    for (std::int64_t j = 0; j < operands.rows(2); ++j)
      operands.x[2][j * operands.dim + l] *= std::ldexp(1.0, -shift);
  }
  const auto after = bounds(operands, 0.5);
  const double slack = std::numeric_limits<double>::epsilon() * (3 * 745 * 16 + 4 * 12.0);
  for (std::size_t i = 0; i < before.size(); ++i)
    RC_ASSERT(std::abs(after[i] - before[i]) <= 2 * slack * before[i]);
}

TEST(ScoreBound, IsZeroForZeroRowsAndDeadFeatures) {
  const Operands zero_row{2, {{0, 0, 1, 1}, {1, 2}}};
  EXPECT_EQ(bounds(zero_row, 1)[0], 0);
  EXPECT_GT(bounds(zero_row, 1)[1], 0);
  const Operands dead{2, {{5, 0}, {0, 7}, {1, 1}}};  // each feature is dead in one operand
  EXPECT_EQ(bounds(dead, 1)[0], 0);
  EXPECT_EQ(bounds({1, {{3}, {4}}}, 0)[0], 0) << "scale 0";
}

TEST(ScoreBound, ADeadFeatureDoesNotCount) {
  const Operands live{1, {{2}, {3}}}, with_dead{2, {{2, 1e6}, {3, 0}}};
  const double slack = 2 * std::numeric_limits<double>::epsilon() * (3 * 745 * 9 + 3 * 10.0);
  EXPECT_NEAR(bounds(with_dead, 1)[0], 6, 6 * slack);
  EXPECT_NEAR(bounds(live, 1)[0], 6, 6 * slack);
}

TEST(ScoreBound, IsInfiniteBeyondTheRangeOfDouble) {
  EXPECT_EQ(bounds({1, {{1e300}, {1e300}}}, 1)[0], std::numeric_limits<double>::infinity());
}

TEST(ScoreBound, NeedsNoRows) {
  std::vector<double> peaks{1, 2};
  raise_column_peaks<float>(nullptr, 0, 2, peaks.data());
  EXPECT_EQ(peaks, (std::vector<double>{1, 2}));
  EXPECT_EQ(largest_row_norm<float>(balance({{1, 2}, {1, 1}}), 0, nullptr, 0), 0);
}

}  // namespace
}  // namespace tattn::plan
