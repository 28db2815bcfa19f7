// The measured set: energies against their definition, planted monomials, nesting, and errors against full sets.
#include "plan/feature_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "support/plain_attention.hpp"
#include "support/plain_polynomial.hpp"
#include "support/sampled_case.hpp"
#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

using test::Case;

std::vector<std::int32_t> variables(const FeatureRanking& ranking, std::int64_t node) {
  std::vector<std::int32_t> path;
  for (; ranking.parent[node] >= 0; node = ranking.parent[node]) path.push_back(ranking.variable[node]);
  std::reverse(path.begin(), path.end());
  return path;
}

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

double relative_error(const test::Matrix& got, const test::Matrix& want) {
  double gap = 0, norm = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    gap += (got[i] - want[i]) * (got[i] - want[i]);
    norm += want[i] * want[i];
  }
  return std::sqrt(gap / norm);
}

std::vector<double> decay(std::int64_t dim, double first, double exponent) {
  std::vector<double> spread;
  for (std::int64_t l = 0; l < dim; ++l) spread.push_back(first / std::pow(1.0 + static_cast<double>(l), exponent));
  return spread;
}

/// What the header says the energies of a monomial are, in double, for a sample that is the whole slice; and the
/// same with absolute values, which is what float roundings are relative to.
struct Defined {
  std::vector<double> energy, magnitude;  // output: one; gradients: dQ, dK_u.., dV_u..
};

class Definition {
 public:
  Definition(const Case& c, bool gradients)
      : c_(c), shape_(c.problem.shape), gradients_(gradients), result_(test::plain_attention(c)) {}

  Defined operator()(const std::vector<std::int32_t>& path) const {
    double weight = 1;
    for (std::size_t i = 0, again = 0; i < path.size(); ++i) {
      again = i > 0 && path[i] == path[i - 1] ? again + 1 : 1;
      weight /= static_cast<double>(again);
    }
    Defined defined;
    for (const bool absolute : {false, true}) {
      auto& out = absolute ? defined.magnitude : defined.energy;
      out = components(path, absolute);
      for (double& e : out) e *= weight * weight;
    }
    return defined;
  }

 private:
  static double term(const double* x, const std::vector<std::int32_t>& path, std::size_t except) {
    double product = 1;
    for (std::size_t i = 0; i < path.size(); ++i)
      if (i != except) product *= x[path[i]];
    return product;
  }

  /// sum over l of (alpha_l x^(alpha - e_l))^2
  static double slopes(const double* x, const std::vector<std::int32_t>& path) {
    double sum = 0;
    for (std::size_t i = 0; i < path.size(); ++i)
      if (i == 0 || path[i] != path[i - 1]) {
        const auto times = static_cast<double>(std::count(path.begin(), path.end(), path[i]));
        sum += std::pow(times * term(x, path, i), 2);
      }
    return sum;
  }

  std::vector<double> query(std::int64_t i) const {
    std::vector<double> q;
    for (std::int64_t l = 0; l < shape_.dim; ++l) q.push_back(c_.problem.scale * c_.in.at("Q")[i * shape_.dim + l]);
    return q;
  }

  double value(int u, std::int64_t j, std::int64_t m) const {
    return m == shape_.value_dim ? 1 : c_.in.at(test::numbered("V", u))[j * shape_.value_dim + m];
  }

  const double* key(int u, std::int64_t j) const { return &c_.in.at(test::numbered("K", u))[j * shape_.dim]; }

  /// prod over u of the mean of k_u^alpha [V_u 1], without key `except`.
  std::vector<double> moments(const std::vector<std::int32_t>& path, bool absolute, int except) const {
    std::vector<double> product(shape_.value_dim + 1, 1);
    for (int u = 0; u < shape_.order; ++u)
      for (std::int64_t m = 0; u != except && m <= shape_.value_dim; ++m) {
        double sum = 0;
        for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j) {
          const double part = term(key(u, j), path, path.size()) * value(u, j, m);
          sum += absolute ? std::abs(part) : part;
        }
        product[m] *= sum / static_cast<double>(shape_.key_rows[u]);
      }
    return product;
  }

  double normaliser(std::int64_t i) const {  // of the mean over key tuples
    double tuples = 1;
    for (int u = 0; u < shape_.order; ++u) tuples *= static_cast<double>(shape_.key_rows[u]);
    return std::exp(result_.at("LSE")[i]) / tuples;
  }

  /// sum_m (product_m v_m - O_im product_0)^2
  double gap(std::int64_t i, const std::vector<double>& product, int u, std::int64_t j, bool absolute) const {
    double sum = 0;
    for (std::int64_t m = 0; m < shape_.value_dim; ++m) {
      const double a = product[m] * (u < 0 ? 1 : value(u, j, m));
      const double b = result_.at("O")[i * shape_.value_dim + m] * product.back();
      sum += absolute ? std::pow(std::abs(a) + std::abs(b), 2) : std::pow(a - b, 2);
    }
    return sum;
  }

  std::vector<double> components(const std::vector<std::int32_t>& path, bool absolute) const {
    std::vector<double> out(gradients_ ? 1 + 2 * shape_.order : 1, 0);
    for (std::int64_t i = 0; i < shape_.rows; ++i) {
      const auto q = query(i);
      const double z2 = std::pow(normaliser(i), 2), q2 = std::pow(term(q.data(), path, path.size()), 2);
      out[0] +=
          (gradients_ ? slopes(q.data(), path) : q2) / z2 * gap(i, moments(path, absolute, -1), -1, 0, absolute);
      if (!gradients_) continue;
      for (int u = 0; u < shape_.order; ++u) {
        const auto others = moments(path, absolute, u);
        double squares = 0;
        for (std::int64_t m = 0; m < shape_.value_dim; ++m) squares += others[m] * others[m];
        for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j) {
          out[1 + u] += q2 / z2 * slopes(key(u, j), path) * gap(i, others, u, j, absolute);
          out[1 + shape_.order + u] += q2 / z2 * std::pow(term(key(u, j), path, path.size()), 2) * squares;
        }
      }
    }
    return out;
  }

  const Case& c_;
  const Shape& shape_;
  bool gradients_;
  test::Arrays result_;
};

class Energies : public testing::TestWithParam<std::tuple<int, Target>> {};

TEST_P(Energies, AreWhatTheHeaderSays) {
  const auto& [order, target] = GetParam();
  const std::vector<std::int64_t> lengths{9, 7, 5, 4};
  const Shape shape = test::make_shape(1, 5, {lengths.begin(), lengths.begin() + order}, 3, 4);
  Case c = test::spread_case(shape, 5, {1.5, 0.7, 1.1});
  c.problem.scale = 0.8;
  const Sample sample = test::whole_sample(c);
  const FeatureRanking ranking = search_features({&sample, 1}, {40, 6, target, 2});

  const Definition definition(c, target == Target::gradients);
  std::vector<Defined> defined;
  std::vector<double> whole;
  for (std::int64_t node = 0; node < std::ssize(ranking.parent); ++node) {
    defined.push_back(definition(variables(ranking, node)));
    whole.resize(defined[0].energy.size(), 0);
    for (std::size_t k = 0; k < whole.size(); ++k) whole[k] += defined.back().energy[k];
  }
  // For the output only ratios count; the second node is the unit. The longest sums have 9 rows, powers of
  // degree 6 in `order` + 1 operands, and everything is squared.
  const double eps = std::numeric_limits<float>::epsilon();
  const double relative = 2 * eps * (9 + 6 * (order + 1) + 16);
  const bool output = target == Target::output;
  const double unit = output ? ranking.energy[1] / defined[1].energy[0] : 1;
  const double unit_error = output ? relative * defined[1].magnitude[0] / defined[1].energy[0] : 0;
  for (std::size_t node = 1; node < defined.size(); ++node) {
    double expected = 0, allowed = 0;
    for (std::size_t k = 0; k < whole.size(); ++k) {
      const double divisor = output ? 1 / unit : whole[k];
      double worst_total = 0;
      for (const Defined& d : defined) worst_total += relative * d.magnitude[k];
      expected += defined[node].energy[k] / divisor;
      allowed += relative * defined[node].magnitude[k] / divisor +
                 defined[node].energy[k] / divisor * (output ? unit_error : worst_total / whole[k]);
    }
    EXPECT_NEAR(ranking.energy[node], expected, allowed) << node;
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, Energies,
                         testing::Combine(testing::Range(1, kMaxOrder + 1),
                                          testing::Values(Target::output, Target::gradients)));

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
