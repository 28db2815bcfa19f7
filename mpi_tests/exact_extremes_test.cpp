// Scores and sums at the edge of what a type holds: nothing may over- or underflow, stagnate or turn NaN.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support/judge.hpp"
#include "support/plain_attention.hpp"

namespace tattn::test {
namespace {

template <class T>
class Extreme : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Extreme, Types);

/// Largest |s| over all rows.
double largest_score(const Case& c) {
  const View view(c);
  Real largest = 0;
  for (std::int64_t b = 0; b < c.problem.shape.slices; ++b)
    for (std::int64_t i = 0; i < c.problem.shape.rows; ++i)
      for (const Real s : softmax_row(view, b, i).score) largest = std::max(largest, std::abs(s));
  return static_cast<double>(largest);
}

/// The case with its scale changed so that the largest |s| is `largest`.
Case with_scores_up_to(Case c, double largest) {
  c.problem.scale *= largest / largest_score(c);
  return c;
}

TYPED_TEST(Extreme, ScoresOfAnySize) {
  const std::vector<std::vector<std::int64_t>> lengths{{23}, {9, 11}, {4, 3, 5}, {2, 3, 2, 3}};
  for (const auto& keys : lengths) {
    for (const double largest : {10.0, 100.0, 1e3, 1e4}) {
      const Case c = with_scores_up_to(random_case(make_shape(2, 7, keys, 5, 4), 31), largest);
      expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, {{Cut::even, 1}, {Cut::uneven, 2}},
                                  fmt::format("order {}, scores up to {}", keys.size(), largest));
    }
  }
}

/// dV1, dV2 by exact and by dense, in float32, within `bound` of their norm.
void expect_value_gradients(const Case& c, Cut cut, double bound) {
  for (const Method method : {Method::exact, Method::dense}) {
    const Arrays found = library_attention<float>(MPI_COMM_WORLD, c, {cut, 2, method});
    expect_verdict(
        MPI_COMM_WORLD,
        [&]() -> std::string {
          const Arrays twin = plain_attention(c);
          for (const std::string name : {"dV1", "dV2"})
            if (const double error = relative_error(found.at(name), twin.at(name)); !(error <= bound))
              return fmt::format("{} is off by {:.2g}, bound {:.2g}", name, error, bound);
          return "";
        },
        method == Method::exact ? "exact" : "dense");
  }
}

/// Gradients of float operands whose LSE float32 holds to 0.06 at best are as good as float32 can tell them: exact
/// and dense compute them in double. A weight is off by what the scores are, (d + order + 2) eps |s| of double.
TEST(ExtremeFloat, GradientsOfScoresOfAMillion) {
  constexpr double kScores = 1e6;
  const Case c = rounded<float>(with_scores_up_to(random_case(make_shape(2, 9, {7, 6}, 5, 4), 34), kScores));
  expect_value_gradients(c, Cut::even,
                         2 * std::numeric_limits<float>::epsilon() +
                             4 * (5 + 2 + 2) * std::numeric_limits<double>::epsilon() * kScores);
}

/// Rows of ordinary scores beside them stay in float32, in each slice as many as there are.
TEST(ExtremeFloat, GradientsOfAFewRowsOfLargeScores) {
  constexpr double kLarge = 1e6, kOthers = 20;
  Case c = with_scores_up_to(random_case(make_shape(3, 9, {7, 6}, 5, 4), 36), kOthers);
  for (const std::size_t row : {std::size_t{2}, std::size_t{9}, std::size_t{13}, std::size_t{17}})  // of 2 slices
    for (std::size_t l = 0; l < 5; ++l) c.in.at("Q")[row * 5 + l] *= kLarge / kOthers;
  const double eps = std::numeric_limits<float>::epsilon();
  expect_value_gradients(
      rounded<float>(c), Cut::uneven,
      4 * (5 + 2 + 2) * (eps * kOthers + std::numeric_limits<double>::epsilon() * kLarge) + 2 * eps);
}

TYPED_TEST(Extreme, LargeScoresWhenCausal) {
  const Case c = with_scores_up_to(random_case(make_shape(1, 19, {19, 19}, 6, 4), 32, true), 1e4);
  expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, {{Cut::even, 2}}, "causal, scores up to 1e4");
}

// All scores of one sign, far from zero: a maximum that starts at zero would lose everything.
TYPED_TEST(Extreme, EveryScoreFarFromZero) {
  for (const double sign : {1.0, -1.0}) {
    Case c = random_case(make_shape(1, 8, {7, 6}, 4, 3), 33);
    for (const auto* name : {"Q", "K1", "K2"})
      for (double& x : c.in.at(name)) x = 1 + std::abs(x) / 8;
    c = with_scores_up_to(c, 1e4);
    c.problem.scale *= sign;
    expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, {{Cut::even, 1}, {Cut::last, 3}}, fmt::format("sign {}", sign));
  }
}

// A maximum that rises with every key, or never after the first one.
TYPED_TEST(Extreme, RisingAndFallingScores) {
  for (const double direction : {1.0, -1.0}) {
    Case c = random_case(make_shape(1, 5, {3, 157}, 1, 2), 34);
    for (double& x : c.in.at("Q")) x = 1 + std::abs(x);
    for (double& x : c.in.at("K1")) x = 1 + std::abs(x);
    for (std::size_t j = 0; j < c.in.at("K2").size(); ++j)
      c.in.at("K2")[j] = direction * (static_cast<double>(j) - 78);
    c = with_scores_up_to(c, 5e3);
    expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, {{Cut::even, 1}, {Cut::even, 2}},
                                fmt::format("direction {}", direction));
  }
}

// One rank's rows, one slice and one key far larger than all others.
TYPED_TEST(Extreme, OneLargeRow) {
  Case c = random_case(make_shape(2, 9, {8, 7}, 4, 3), 35);
  for (std::size_t l = 0; l < 4; ++l) {
    c.in.at("Q")[4 * 4 + l] *= 300;
    c.in.at("K1")[3 * 4 + l] *= 30;
    c.in.at("K2")[10 * 4 + l] = 0;
  }
  expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, {{Cut::even, 1}, {Cut::holes, 2}}, "one large row");
}

// More terms than a float can count: 2^24 + 1 = 2^24 there. Equal scores, so that the expected values are
// known: LSE = log N, O = 1. Each term is a power of two times 1: only the sums can go wrong.
TYPED_TEST(Extreme, SumsOfManyTerms) {
  const std::int64_t keys = 5000;
  Case c{{make_shape(1, 2, {keys, keys}, 1, 1), 1.0, false}, {}};
  c.in = {{"Q", Matrix(2, 0.0)},     {"K1", Matrix(keys, 1.0)}, {"K2", Matrix(keys, 1.0)},
          {"V1", Matrix(keys, 1.0)}, {"V2", Matrix(keys, 1.0)}, {"dO", Matrix(2, 1.0)}};
  const Arrays got = library_forward<TypeParam>(MPI_COMM_WORLD, c, {Cut::even, 1});
  const double eps = precision_of<TypeParam>().eps, terms = std::pow(static_cast<double>(keys), 2);
  const double sums = (sum_error(terms) + 8) * eps;
  for (const double lse : got.at("LSE")) EXPECT_NEAR(lse, std::log(terms), sums + eps * std::log(terms));
  for (const double o : got.at("O")) EXPECT_NEAR(o, 1, 2 * sums);
}

// One key gathers dV from a million query rows; in float a running sum would be wrong by a percent. Equal terms
// repeat the same rounding, so the sum of the blocks in double is allowed its worst case.
TYPED_TEST(Extreme, GradientsOfManyRows) {
  const std::int64_t rows = std::int64_t{1} << 20;
  Case c{{make_shape(1, rows, {1}, 1, 1), 1.0, false}, {}};
  c.in = {{"Q", Matrix(rows, 0.5)}, {"K1", {1}}, {"V1", {2}}, {"dO", Matrix(rows, 0.1)}};
  c = rounded<TypeParam>(c);
  const Arrays got = library_attention<TypeParam>(MPI_COMM_WORLD, c, {Cut::even, 2});
  const double eps = precision_of<TypeParam>().eps, n = static_cast<double>(rows), upstream = c.in.at("dO")[0];
  EXPECT_NEAR(got.at("dV1")[0], n * upstream,
              n * upstream * ((sum_error(n) + 10) * eps + n * precision_of<double>().eps));
  // ds = P (dp - delta) = 0 for a single key, up to the rounding of dp and delta, both 2 dO
  EXPECT_NEAR(got.at("dK1")[0], 0, n * 2 * 2 * upstream * 0.5 * 10 * eps);
}

}  // namespace
}  // namespace tattn::test
