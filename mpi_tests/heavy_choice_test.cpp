// Which rows are heavy: a planted outlier is found and taken, few rows where they pay, and what is promised of the
// error holds for the merged result.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "plan/random_normal.hpp"
#include "polynomial/choose.hpp"
#include "support/judge.hpp"
#include "support/plan_run.hpp"
#include "support/sampled_case.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using plan::HeavyCounts;
using polynomial::FeatureChoice;
using polynomial::FeatureRequest;

constexpr std::int64_t kPlanted = 61;  // row of K1, of slice 1

/// One row of K1 is 25 times larger than the others.
Case with_outlier() {
  Case c = spread_case(make_shape(2, 90, {80, 70}, 5, 4), 1, {1.1, 0.8, 0.5, 0.3, 0.2});
  for (std::size_t l = 0; l < 5; ++l) c.in.at("K1")[(80 + kPlanted) * 5 + l] *= 25;
  return c;
}

/// A feature costs as much as a hundredth of a heavy row.
polynomial::SplitCosts plain_costs() {
  const auto seconds = [](std::int64_t features, const HeavyCounts& heavy, bool) {
    double rows = 0;
    for (const std::int64_t count : heavy) rows += static_cast<double>(count);
    return 1e-5 * static_cast<double>(features) + 1e-3 * rows;
  };
  const auto most = [seconds](const HeavyCounts& heavy, double below) {
    const double left = (below - seconds(0, heavy, false)) / 1e-5;
    return static_cast<std::int64_t>(std::clamp(left, 0.0, 20000.0));
  };
  const auto search = [](std::int64_t, const HeavyCounts&) { return 0.0; };
  return {seconds, most, search};
}

FeatureChoice choose(MPI_Comm handle, const Case& c, const FeatureRequest& request, Cut cut) {
  const Communicator comm(handle);
  Scattered<double> mine(handle, c, {cut, 1});
  return polynomial::choose_features<double>(comm, c.problem, mine.operands(), request);
}

/// Of every result but LSE, against the exact method.
void expect_within(const Case& c, const Plan& plan, const Options& options, double bound) {
  const Arrays tried = by_plan<double>(c, plan, options), exact = library_attention<double>(MPI_COMM_WORLD, c, {});
  for (const auto& name : result_names(c.problem.shape.order))
    if (name != "LSE") {
      EXPECT_LE(relative_error(tried.at(name), exact.at(name)), bound) << name;
    }
}

Plan plan_of(const Case& c, const Options& options, bool gradients) {
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  return make_plan<double>(MPI_COMM_WORLD, c.problem, mine.operands(), options, gradients);
}

TEST(HeavyChoice, FindsAPlantedOutlierAtAnyNumberOfRanks) {
  const Case c = with_outlier();
  for (const bool gradients : {false, true}) {
    FeatureRequest request;
    request.tolerance = 1e-2;
    request.target = gradients ? plan::Target::gradients : plan::Target::output;
    request.costs = plain_costs();
    const FeatureChoice choice = choose(MPI_COMM_WORLD, c, request, Cut::uneven),
                        alone = choose(MPI_COMM_SELF, c, request, Cut::even);
    EXPECT_EQ(choice.walk, alone.walk);
    EXPECT_EQ(choice.heavy.rows, alone.heavy.rows);
    EXPECT_GE(choice.heavy.counts[1], 1);
    EXPECT_LE(choice.heavy.counts[1], 2);
    const auto& rows = choice.heavy.rows[1];
    EXPECT_TRUE(std::find(rows.begin(), rows.end(), 80 + kPlanted) != rows.end());
    EXPECT_LT(choice.score_bound, 10);
    EXPECT_LE(*choice.measured_error, request.tolerance);
  }
}

TEST(HeavyChoice, TakesNoneWhereNoneIsCheapest) {
  FeatureRequest request;
  request.tolerance = 1e-2;
  request.costs = plain_costs();
  const Case c = spread_case(make_shape(1, 90, {80, 70}, 5, 4), 1, {0.8, 0.6, 0.4, 0.2, 0.1});
  EXPECT_FALSE(choose(MPI_COMM_WORLD, c, request, Cut::even).heavy.any());
}

// A little more than the first 512 features do. The search for heavy rows must not use up what searching may cost
// before that is seen, nor be content with many heavy rows.
TEST(HeavyChoice, TakesNoneWhereALittleMoreFeaturesDo) {
  constexpr std::int64_t kRows = 2048;
  constexpr double kExact = 2;  // seconds
  const Case c = spread_case(make_shape(1, kRows, {kRows}, 16, 16), 3, std::vector<double>(16, 0.7));
  FeatureRequest request;
  request.tolerance = 1e-2;
  request.target = plan::Target::gradients;
  request.most_seconds = kExact;
  const auto seconds = [](std::int64_t features, const HeavyCounts& heavy, bool) {
    return 1e-4 * static_cast<double>(features) + kExact * static_cast<double>(heavy[0] + heavy[1]) / kRows;
  };
  const auto search = [](std::int64_t features, const HeavyCounts& heavy) {
    return 1e-4 * static_cast<double>(features) + (heavy == HeavyCounts{} ? 0 : 0.05);
  };
  const auto most = [&](const HeavyCounts& heavy, double below) {
    const double left = (below - seconds(0, heavy, false) - search(0, heavy)) / 2e-4;
    return static_cast<std::int64_t>(std::clamp(left, 0.0, 20000.0));
  };
  request.costs = {seconds, most, search};
  const FeatureChoice choice = choose(MPI_COMM_WORLD, c, request, Cut::even);
  EXPECT_FALSE(choice.heavy.any());
  EXPECT_GT(choice.walk.features(), 512);
  EXPECT_LT(choice.walk.features(), 2048);
}

TEST(HeavyChoice, APlanMeetsItsTolerance) {
  Options options;
  options.method = Method::polynomial;
  options.tolerance = 1e-2;
  const Case c = with_outlier();
  const Plan plan = plan_of(c, options, true);
  ASSERT_EQ(plan.heavy_rows.size(), 3U);
  EXPECT_GT(*plan.forward.flops, 0);
  EXPECT_LE(*plan.measured_error, options.tolerance);
  expect_within(c, plan, options, 3 * options.tolerance);
}

/// Entries of Student's t distribution with 3 degrees of freedom.
Case heavy_tails(std::int64_t rows, std::uint64_t seed) {
  Case c = random_case(make_shape(1, rows, {rows, rows}, 8, 8), seed);
  const std::int64_t squares = 3 * rows * 8;
  for (auto& [name, x] : c.in) {
    Matrix normal(static_cast<std::size_t>(squares));
    RandomStream(seed, "chi squared of " + name).normal({0, squares}, 1.0, normal.data());
    for (std::size_t k = 0; name != "dO" && k < x.size(); ++k)
      x[k] /= std::sqrt(normal[3 * k] * normal[3 * k] + normal[3 * k + 1] * normal[3 * k + 1] +
                        normal[3 * k + 2] * normal[3 * k + 2]);
  }
  c.problem.scale = 1.0 / 8;
  return c;
}

// Whether a set does is not monotone in the heavy rows: one candidate that fails must not hide those that do.
TEST(HeavyChoice, FindsASplitOfHeavyTails) {
  Options options;
  options.method = Method::polynomial;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Case c = heavy_tails(160, seed);
    for (const double tolerance : {1e-2, 1e-3}) {
      options.tolerance = tolerance;
      const Plan plan = plan_of(c, options, false);
      EXPECT_FALSE(plan.heavy_rows.empty());
      EXPECT_LE(*plan.measured_error, tolerance);
    }
  }
}

TEST(HeavyChoice, FixedCountsAreTakenAsTheyAre) {
  Options options;
  options.method = Method::polynomial;
  options.tolerance = 1e-2;
  const Case c = with_outlier();
  for (const std::vector<std::int64_t>& counts : {std::vector<std::int64_t>{0, 1, 0}, {3, 79, 7}, {0, 40, 69}}) {
    options.heavy_rows = counts;
    const Plan plan = plan_of(c, options, true);
    EXPECT_EQ(plan.method, Method::polynomial);
    EXPECT_EQ(plan.heavy_rows, counts);
    expect_within(c, plan, options, 3 * options.tolerance);
  }
  for (const std::vector<std::int64_t>& all : {std::vector<std::int64_t>{90, 0, 0}, {0, 80, 0}, {1, 2, 70}}) {
    options.heavy_rows = all;
    EXPECT_EQ(plan_of(c, options, false).method, Method::exact);
  }
}

TEST(HeavyChoice, CertifiesWithTheLightRowsBound) {
  Case c = random_case(make_shape(1, 40, {30, 35}, 3, 4), 5, false, 0.1);
  for (const char* name : {"V1", "V2"})
    for (double& v : c.in.at(name)) v = std::abs(v);  // of one sign, the weights' error bounds that of O
  for (std::size_t l = 0; l < 3; ++l) c.in.at("K2")[4 * 3 + l] *= 300;
  Options options;
  options.method = Method::polynomial;
  options.certified = true;
  options.tolerance = 1e-3;
  const Plan plan = plan_of(c, options, false);
  ASSERT_EQ(plan.heavy_rows.size(), 3U);
  EXPECT_GE(plan.heavy_rows[2], 1);
  EXPECT_LE(*plan.certified_error, options.tolerance);
  const Matrix tried = by_plan<double>(c, plan, options).at("O");
  EXPECT_LE(relative_error(tried, library_forward<double>(MPI_COMM_WORLD, c, {}).at("O")), *plan.certified_error);
}

TEST(HeavyChoice, WhatCannotBeIsRefused) {
  Options options;
  options.method = Method::polynomial;
  const Case c = random_case(make_shape(1, 5, {5}, 2, 2), 6);
  for (const std::vector<std::int64_t>& counts : {std::vector<std::int64_t>{1}, {1, 1, 1}, {6, 0}, {0, -1}}) {
    options.heavy_rows = counts;
    EXPECT_THROW((void)plan_of(c, options, false), Error);
  }
}

}  // namespace
}  // namespace tattn::test
