// The measured set: planted monomials, nesting, and errors against full sets.
#include "plan/feature_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "support/plain_attention.hpp"
#include "support/plain_polynomial.hpp"
#include "support/sampled_case.hpp"
#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

using test::Case;
using test::relative_error;

std::set<std::vector<std::int32_t>> owned_monomials(const Walk& walk) {
  std::set<std::vector<std::int32_t>> result;
  for (std::int64_t node = 0; node < walk.size(); ++node) {
    if (!walk.owned[node]) continue;
    std::vector<std::int32_t> path;
    for (std::int64_t at = node; walk.parent[at] >= 0; at = walk.parent[at]) path.push_back(walk.variable[at]);
    std::reverse(path.begin(), path.end());
    result.insert(path);
  }
  return result;
}

std::vector<double> decay(std::int64_t dim, double first, double exponent) {
  std::vector<double> spread;
  for (std::int64_t l = 0; l < dim; ++l) spread.push_back(first / std::pow(1.0 + static_cast<double>(l), exponent));
  return spread;
}

/// Two columns of positive entries, so that odd powers have moments too, among eighteen that hardly matter.
TEST(FeatureSearch, FindsThePlantedMonomials) {
  std::vector<double> spread(20, 1e-3);
  spread[6] = spread[13] = 1;
  Case c = test::spread_case(test::make_shape(1, 40, {60, 50}, 20, 3), 3, spread);
  c.problem.scale = 0.3;
  for (auto& [name, x] : c.in)
    if (name.front() == 'K')
      for (double& k : x) k = std::abs(k);
  const Sample sample = test::whole_sample(c);
  for (const auto target : {Target::output, Target::gradients}) {
    const auto found = owned_monomials(keep(search_features({&sample, 1}, {12, 24, target, 2}), 12));
    EXPECT_EQ(found.size(), 12U);
    for (const auto& monomial : std::vector<std::vector<std::int32_t>>{{}, {6}, {13}, {6, 6}, {6, 13}, {13, 13}})
      EXPECT_TRUE(found.contains(monomial)) << testing::PrintToString(monomial);
    for (const auto& monomial : found)
      for (const std::int32_t l : monomial) EXPECT_TRUE(l == 6 || l == 13) << testing::PrintToString(monomial);
  }
}

/// One key row in a thousand carries feature 2: the rows of largest norm show it.
TEST(FeatureSearch, SeesARareLargeRow) {
  Case c = test::spread_case(test::make_shape(1, 32, {1000}, 4, 3), 8, {0.2, 0.2, 0, 0.2});
  c.problem.scale = 0.5;
  for (std::int64_t i = 0; i < 32; ++i) c.in["Q"][i * 4 + 2] = i % 2 ? 1 : -1;
  c.in["K1"][777 * 4 + 2] = 9;
  const Sample sample = test::drawn_sample(c, 32, 64, 8);
  const auto found = owned_monomials(keep(search_features({&sample, 1}, {40, 24, Target::output, 2}), 40));
  // The row's scores reach 4.5, and of 4.5^k / k! the middle terms are largest.
  for (const auto& monomial : std::vector<std::vector<std::int32_t>>{{2, 2}, {2, 2, 2}, {2, 2, 2, 2}})
    EXPECT_TRUE(found.contains(monomial)) << testing::PrintToString(monomial);
}

TEST(FeatureSearch, SetsAreNestedAndPrefixClosed) {
  const Case c = test::spread_case(test::make_shape(1, 40, {50, 40}, 8, 4), 21, decay(8, 2, 0.3));
  const Sample sample = test::drawn_sample(c, 16, 32, 8);
  const FeatureRanking ranking = search_features({&sample, 1}, {300, 24, Target::output, 2});
  EXPECT_EQ(ranking.features(), 300);
  for (std::size_t i = 1; i < ranking.by_energy.size(); ++i)
    EXPECT_GE(ranking.energy[ranking.by_energy[i - 1]], ranking.energy[ranking.by_energy[i]]);
  std::set<std::vector<std::int32_t>> before;
  bool passed_through = false;
  for (const std::int64_t count : {1, 2, 7, 30, 150, 300}) {
    const Walk walk = keep(ranking, count);
    EXPECT_EQ(walk.features(), count);
    const auto owned = owned_monomials(walk);
    EXPECT_TRUE(std::includes(owned.begin(), owned.end(), before.begin(), before.end()));
    before = owned;
    for (std::int64_t node = 0; node < walk.size(); ++node) {
      EXPECT_LT(walk.parent[node], node);
      if (node > 0) {
        EXPECT_GE(walk.variable[node], walk.variable[walk.parent[node]]);
      }
      EXPECT_EQ(walk.owned[node] != 0, walk.weight[node] > 0);
      passed_through |= walk.owned[node] == 0;
    }
    // Depth-first and complete: a range is a walk of its own.
    EXPECT_EQ(subwalk(walk, 0, walk.size()), walk);
  }
  EXPECT_TRUE(passed_through) << "this problem no longer tests pass-through nodes";
  EXPECT_EQ(keep(ranking, 1000).features(), 300);
  EXPECT_EQ(keep(ranking, 0).size(), 0);
}

/// Everything of degree <= 5, asked for, is the full walk with the weights of the series.
TEST(FeatureSearch, WithoutALimitIsTheFullWalk) {
  const Case c = test::spread_case(test::make_shape(1, 6, {7, 5}, 3, 2), 2, {1, 1, 1});
  const Sample sample = test::whole_sample(c);
  const Walk chosen = keep(search_features({&sample, 1}, {1000, 5, Target::gradients, 1}), 1000);
  const Walk full = full_walk(3, 5);
  EXPECT_EQ(chosen.parent, full.parent);
  EXPECT_EQ(chosen.variable, full.variable);
  EXPECT_EQ(chosen.coefficient, full.coefficient);
  EXPECT_EQ(chosen.weight, full.weight);
}

/// Feature l shrinks like 1 / sqrt(1 + l): 25 chosen monomials beat all 1820 of degree <= 4.
TEST(FeatureSearch, BeatsFullSetsOnAnisotropicData) {
  const Case c = test::spread_case(test::make_shape(1, 24, {160, 150}, 12, 6), 7, decay(12, 1.3, 0.5));
  const auto exact = test::plain_attention(c);
  const auto error = [&](const Walk& walk) {
    return relative_error(test::plain_polynomial(c, walk).at("O"), exact.at("O"));
  };
  const Sample sample = test::drawn_sample(c, 24, 96, 24);
  const FeatureRanking ranking = search_features({&sample, 1}, {400, 12, Target::output, 2});
  const double full = error(full_walk(12, 4));
  EXPECT_LT(error(keep(ranking, 25)), full);
  EXPECT_LT(error(keep(ranking, 100)), full / 4);
  EXPECT_LT(error(keep(ranking, 400)), full / 16);
}

/// Gradients: a set chosen for them serves the worst of them better than one chosen for the output.
TEST(FeatureSearch, ForGradientsServesGradients) {
  const Case c = test::spread_case(test::make_shape(1, 40, {60, 50}, 10, 5), 13, decay(10, 1.5, 0.4));
  const auto exact = test::plain_attention(c);
  const Sample sample = test::whole_sample(c);
  std::vector<double> worst;
  for (const auto target : {Target::output, Target::gradients}) {
    const auto got = test::plain_polynomial(c, keep(search_features({&sample, 1}, {150, 24, target, 2}), 150));
    worst.push_back(0);
    for (const auto& [name, values] : exact)
      if (name.front() == 'd') worst.back() = std::max(worst.back(), relative_error(got.at(name), values));
  }
  EXPECT_LT(worst[1], worst[0]);
}

TEST(FeatureSearch, AddsTheEnergiesOfSlices) {
  const Case c = test::spread_case(test::make_shape(2, 8, {9}, 3, 2), 4, {1, 0.6, 1.2});
  const std::vector<Sample> samples{test::whole_sample(c, 0), test::whole_sample(c, 1)};
  const FeatureRanking both = search_features(samples, {20, 4, Target::output, 2});
  const std::vector<Sample> twice{samples[0], samples[0]};
  const FeatureRanking one = search_features({samples.data(), 1}, {20, 4, Target::output, 2});
  const FeatureRanking same = search_features(twice, {20, 4, Target::output, 2});
  EXPECT_EQ(one.by_energy, same.by_energy);
  for (std::size_t node = 1; node < one.energy.size(); ++node) EXPECT_EQ(same.energy[node], 2 * one.energy[node]);
  EXPECT_NE(both.energy, one.energy);
}

TEST(FeatureSearch, StandsExtremeAndDeadData) {
  for (const double magnitude : {0.0, 1e-30, 1e30}) {
    Case c = test::spread_case(test::make_shape(1, 6, {7, 8}, 3, 2), 6, {1, magnitude, 0});
    for (double& v : c.in["V2"]) v *= magnitude;
    const Sample sample = test::whole_sample(c);
    for (const auto target : {Target::output, Target::gradients}) {
      const FeatureRanking ranking = search_features({&sample, 1}, {30, 24, target, 2});
      EXPECT_GE(ranking.features(), 1);
      for (const double e : ranking.energy) EXPECT_FALSE(std::isnan(e)) << magnitude;
      EXPECT_TRUE(owned_monomials(keep(ranking, 30)).contains({})) << "the constant always belongs";
    }
  }
}

TEST(FeatureSearch, RefusesSamplesThatDoNotFit) {
  EXPECT_THROW((void)search_features({}, {}), Error);
  Sample sample = test::whole_sample(test::spread_case(test::make_shape(1, 3, {4}, 2, 2), 1, {1, 1}));
  sample.key[0].weight.pop_back();
  EXPECT_THROW((void)search_features({&sample, 1}, {}), Error);
}

}  // namespace
}  // namespace tattn::plan
