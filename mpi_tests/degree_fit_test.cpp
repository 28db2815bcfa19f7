// Factors by degree: the equations of sampled rows hold for weights that are right, and the factors solve them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/monomial_walk.hpp"
#include "polynomial/degree_fit.hpp"
#include "polynomial/trial.hpp"
#include "support/sampled_case.hpp"

namespace tattn::test {
namespace {

using plan::HeavyCounts;
using plan::Target;
using polynomial::DegreeFit;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

plan::Walk spoilt(plan::Walk walk) {
  for (std::size_t node = 0; node < walk.weight.size(); ++node)
    walk.weight[node] *= 1 + 0.4 * std::sin(walk.degree[node] + 1);
  return walk;
}

DegreeFit equations(const polynomial::Trial& trial, const plan::Walk& walk) {
  DegreeFit fit(walk.largest_degree());
  trial.add_equations(walk, fit);
  return fit;
}

/// Every row, ranked by its norm.
plan::Sample ranked_sample(const Case& c) {
  plan::Sample sample = whole_sample(c);
  const auto rank = [&](plan::SampledRows& rows) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows); ++i) {
      double norm = 0;
      for (std::size_t l = 0; l < static_cast<std::size_t>(sample.dim); ++l)
        norm += std::pow(rows.x[i * static_cast<std::size_t>(sample.dim) + l], 2);
      order.emplace_back(-norm, i);
    }
    std::sort(order.begin(), order.end());
    rows.rank.resize(order.size());
    for (std::size_t r = 0; r < order.size(); ++r) rows.rank[order[r].second] = static_cast<std::int64_t>(r);
  };
  rank(sample.query);
  for (int u = 0; u < sample.order; ++u) rank(sample.key[static_cast<std::size_t>(u)]);
  return sample;
}

/// |s| over all tuples is at most this.
double largest_score(const plan::Sample& sample) {
  double bound = 0;
  for (std::size_t l = 0; l < static_cast<std::size_t>(sample.dim); ++l) {
    const auto peak = [&](const plan::SampledRows& rows) {
      double p = 0;
      for (std::size_t x = l; x < rows.x.size(); x += static_cast<std::size_t>(sample.dim))
        p = std::max(p, std::abs(rows.x[x]));
      return p;
    };
    double product = peak(sample.query);
    for (int u = 0; u < sample.order; ++u) product *= peak(sample.key[static_cast<std::size_t>(u)]);
    bound += product;
  }
  return bound;
}

/// check(sample, trial) for every order, target, and without and with heavy rows.
template <class Check>
void for_trials(const Check& check) {
  for (const int order : {1, 2, 3, 4})
    for (const Target target : {Target::output, Target::gradients})
      for (const bool heavy : {false, true}) {
        const std::vector<std::int64_t> keys(static_cast<std::size_t>(order), 9);
        const plan::Sample sample = ranked_sample(spread_case(make_shape(1, 11, keys, 2, 3), 5, {0.5, 0.35}));
        const Communicator alone(MPI_COMM_SELF);
        polynomial::Trial trial(alone, sample, target);
        HeavyCounts counts{};
        for (std::size_t u = 0; heavy && u <= static_cast<std::size_t>(order); ++u) counts[u] = 1 + u % 3;
        trial.take_heavy(counts);
        SCOPED_TRACE(fmt::format("order {}, {}, {} heavy rows", order,
                                 target == Target::output ? "output" : "gradients", heavy ? "some" : "no"));
        check(sample, trial);
      }
}

constexpr int kDegree = 12;

/// A softmax weight is off by at most the remainder of the series and what rounding does to sums over the set, both
/// with terms of up to exp(R) over a normaliser of at least exp(-R). Equations are relative errors of at most 1 +
/// 3t arrays, and in a gradient (dP - delta) may be twice as large as what is left of it for each score, and cancel
/// to a tenth.
double bound_of_equations(const plan::Sample& sample) {
  const double range = largest_score(sample);
  const double remainder = std::pow(range, kDegree + 1) / std::tgamma(kDegree + 2),
               rounding = std::numeric_limits<double>::epsilon() *
                          static_cast<double>(plan::full_walk(2, kDegree).size() + 11 + 9 * sample.order);
  return 20 * (1 + 3 * sample.order) * std::exp(2 * range) * (remainder + rounding);
}

TEST(DegreeFit, EquationsHoldForWeightsThatAreRight) {
  for_trials([](const plan::Sample& sample, const polynomial::Trial& trial) {
    const plan::Walk series = plan::full_walk(2, kDegree);
    const double bound = bound_of_equations(sample);
    EXPECT_LE(equations(trial, series).misfit(), bound);
    EXPECT_GT(equations(trial, spoilt(series)).misfit(), bound);
  });
}

TEST(DegreeFit, LeavesLessThanTheSeriesDoes) {
  for_trials([](const plan::Sample&, const polynomial::Trial& trial) {
    plan::Walk walk = plan::full_walk(2, 2);
    const DegreeFit fit = equations(trial, walk);
    fit.apply(walk);
    EXPECT_LT(equations(trial, walk).misfit(), fit.misfit());
  });
}

// A heavy row whose weight exp() cannot hold: the others' equations hold as they do without it.
TEST(DegreeFit, EquationsHoldBesideAHeavyRowOfAnySize) {
  Case c = spread_case(make_shape(1, 11, {9, 9}, 2, 3), 5, {0.5, 0.35});
  const plan::Sample before = ranked_sample(c);
  for (std::size_t l = 0; l < 2; ++l) c.in.at("K1")[l] *= 1e5;
  const plan::Sample sample = ranked_sample(c);
  const Communicator alone(MPI_COMM_SELF);
  polynomial::Trial trial(alone, sample, Target::output);
  trial.take_heavy({0, 1, 0});
  const double bound = bound_of_equations(before);
  EXPECT_LE(equations(trial, plan::full_walk(2, kDegree)).misfit(), bound);
}

TEST(DegreeFit, KeepsTheSeriesWhereNothingIsKnown) {
  DegreeFit fit(2);
  fit.add(std::vector<double>{1, 0, 2}, 3.5, 1.0);  // of degree 1 nothing is said
  plan::Walk walk = plan::full_walk(1, 2);
  const plan::Walk before = walk;
  fit.apply(walk);
  EXPECT_GT(walk.weight[0], before.weight[0]);
  EXPECT_EQ(walk.weight[1], before.weight[1]);
  EXPECT_GT(walk.weight[2], before.weight[2]);
}

// One unknown by hand: x = f - 1 is least in sum of (a x - l)^2 + (chance / 0.1)^2 x^2.
TEST(DegreeFit, SolvesOneUnknown) {
  DegreeFit fit(0);
  double product = 0, square = 0, squares = 0, fourths = 0;
  for (int i = 1; i <= 500; ++i) {
    const double from = 1 + 0.1 * std::sin(i), truth = 1.3 * from, weight = i % 3 == 0 ? 2 : 1;
    fit.add(std::vector<double>{from}, truth, weight);
    const double a = weight * from, left = weight * (truth - from);
    product += a * left;
    square += a * a;
    squares += left * left;
    fourths += left * left * left * left;
  }
  plan::Walk walk = plan::full_walk(1, 0);
  fit.apply(walk);
  const double x = product / (square + fourths / squares / (0.1 * 0.1));
  EXPECT_GT(x, 0.2);
  EXPECT_NEAR(walk.weight[0], 1 + x, 500 * std::numeric_limits<double>::epsilon());
}

TEST(DegreeFit, LeavesWeightsAloneWhenNumbersOverflow) {
  for (const double huge : {1e80, 1e200, kInfinity}) {
    DegreeFit fit(1);
    fit.add(std::vector<double>{1, huge}, 1.0, 1.0);
    plan::Walk walk = plan::full_walk(3, 1);
    const plan::Walk before = walk;
    fit.apply(walk);
    EXPECT_EQ(walk, before);
  }
}

}  // namespace
}  // namespace tattn::test
