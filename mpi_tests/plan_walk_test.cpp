// Monomial walks: their counts, their order, and ranges against the whole.
#include "plan/monomial_walk.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

std::vector<int> exponents(const Walk& walk, std::int64_t node) {
  std::vector<int> alpha(walk.dim, 0);
  for (; walk.parent[node] >= 0; node = walk.parent[node]) ++alpha[walk.variable[node]];
  return alpha;
}

std::vector<double> features(const Walk& walk, const std::vector<double>& x) {
  std::vector<double> phi;
  for (std::int64_t node = 0; node < walk.size(); ++node)
    phi.push_back(walk.parent[node] < 0 ? 1 : phi[walk.parent[node]] * x[walk.variable[node]]);
  return phi;
}

double factorial(int n) {
  return std::tgamma(n + 1.0);
}

void expect_depth_first(const Walk& walk) {
  for (std::int64_t node = 1; node < walk.size(); ++node) {
    const std::int64_t parent = walk.parent[node];
    ASSERT_LT(parent, node);
    EXPECT_EQ(walk.degree[node], walk.degree[parent] + 1);
    EXPECT_GE(walk.variable[node], walk.variable[parent]);
    // The parent is on the path of the node before: that is depth-first.
    std::int64_t at = node - 1;
    while (at > parent) at = walk.parent[at];
    EXPECT_EQ(at, parent) << node;
  }
}

TEST(FullWalk, ListsEachMonomialOnceWithItsCoefficient) {
  for (const auto& [dim, degree] :
       std::vector<std::pair<std::int64_t, int>>{{1, 5}, {2, 4}, {3, 3}, {5, 4}, {4, 0}}) {
    const Walk walk = full_walk(dim, degree);
    ASSERT_EQ(walk.size(), full_walk_size(dim, degree));
    EXPECT_EQ(walk.features(), walk.size());
    EXPECT_EQ(walk.largest_degree(), degree);
    expect_depth_first(walk);
    std::set<std::vector<int>> seen;
    for (std::int64_t node = 0; node < walk.size(); ++node) {
      const auto alpha = exponents(walk, node);
      EXPECT_TRUE(seen.insert(alpha).second);
      double each = 1;
      int total = 0;
      for (const int a : alpha) {
        each *= factorial(a);
        total += a;
      }
      EXPECT_EQ(walk.degree[node], total);
      const double eps = 2 * total * std::numeric_limits<double>::epsilon();  // two roundings a level
      EXPECT_NEAR(walk.coefficient[node], factorial(total) / each, eps * factorial(total) / each);
      EXPECT_NEAR(walk.weight[node], 1 / each, eps / each);
    }
  }
}

TEST(FullWalk, IsCountedWithoutBeingMade) {
  EXPECT_EQ(full_walk_size(12, 4), 1820);
  EXPECT_EQ(full_walk_size(64, 2), 2145);
  EXPECT_EQ(full_walk_size(30, 30), 118264581564861424);
  EXPECT_EQ(full_walk_size(33, 33), 7219428434016265740);  // C(66, 33), just below 2^63
  EXPECT_EQ(full_walk_size(34, 33), std::nullopt);
  EXPECT_EQ(full_walk_size(std::int64_t{1} << 40, 1), (std::int64_t{1} << 40) + 1);
  EXPECT_EQ(full_walk_size(1000, 0), 1);
  EXPECT_THROW((void)full_walk(64, 30), Error);
}

/// (q.k)^g = sum over |alpha| = g of |alpha|!/alpha! q^alpha k^alpha, so the whole walk gives p(q.k).
TEST(FullWalk, WithAPolynomialsWeightsIsThatPolynomial) {
  const ExpPolynomial p = relative_minimax_exp(1.5, 6);
  Walk walk = full_walk(3, 6);
  set_weights(walk, p);
  const std::vector<double> q{0.5, -0.25, 0.75}, k{0.5, 1, -0.5};
  double score = 0, value = 0, expected = 0, magnitude = 0;
  for (std::size_t l = 0; l < q.size(); ++l) score += q[l] * k[l];
  const auto phi = features(walk, q), psi = features(walk, k);
  for (std::int64_t node = 0; node < walk.size(); ++node) {
    value += walk.weight[node] * phi[node] * psi[node];
    magnitude += std::abs(walk.weight[node] * phi[node] * psi[node]);
  }
  for (int g = 6; g >= 0; --g) expected = expected * score + p.coefficients[g];
  EXPECT_NEAR(value, expected,
              static_cast<double>(walk.size() + 24) * std::numeric_limits<double>::epsilon() * magnitude);
}

/// Owned features of the parts, one after the other, are those of the whole, bit for bit: the products are the
/// same.
void expect_parts_equal_whole(const Walk& walk, const std::vector<Walk>& parts) {
  std::vector<double> x;
  for (std::int64_t l = 0; l < walk.dim; ++l) x.push_back(1.1 - 0.3 * static_cast<double>(l));
  const auto whole = features(walk, x);
  std::int64_t node = 0;
  for (const Walk& part : parts) {
    expect_depth_first(part);
    const auto phi = features(part, x);
    for (std::int64_t at = 0; at < part.size(); ++at) {
      if (!part.owned[at]) {
        EXPECT_EQ(part.weight[at], 0);
        continue;
      }
      while (!walk.owned[node]) ++node;
      ASSERT_LT(node, walk.size());
      EXPECT_EQ(phi[at], whole[node]);
      EXPECT_EQ(part.weight[at], walk.weight[node]);
      EXPECT_EQ(part.coefficient[at], walk.coefficient[node]);
      EXPECT_EQ(part.degree[at], walk.degree[node]);
      ++node;
    }
  }
  while (node < walk.size() && !walk.owned[node]) ++node;
  EXPECT_EQ(node, walk.size());
}

RC_GTEST_PROP(Subwalk, PartsAreTheWhole, ()) {
  const auto dim = *rc::gen::inRange<std::int64_t>(1, 6);
  const auto degree = *rc::gen::inRange(0, 6);
  Walk walk = full_walk(dim, degree);
  for (std::int64_t node = 1; node < walk.size(); ++node)  // some nodes only pass through
    if (*rc::gen::inRange(0, 4) == 0) {
      walk.owned[node] = 0;
      walk.weight[node] = 0;
    }
  std::vector<std::int64_t> cuts{0, walk.size()};
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i)
    cuts.push_back(*rc::gen::inRange<std::int64_t>(0, walk.size() + 1));
  std::sort(cuts.begin(), cuts.end());
  std::vector<Walk> parts;
  for (std::size_t i = 1; i < cuts.size(); ++i) {
    parts.push_back(subwalk(walk, cuts[i - 1], cuts[i]));
    RC_ASSERT(parts.back().size() <= cuts[i] - cuts[i - 1] + degree);
  }
  expect_parts_equal_whole(walk, parts);
}

RC_GTEST_PROP(Subwalk, OfAFullWalkNeedsNotTheWhole, ()) {
  const auto dim = *rc::gen::inRange<std::int64_t>(1, 6);
  const auto degree = *rc::gen::inRange(0, 6);
  const Walk walk = full_walk(dim, degree);
  const auto end = *rc::gen::inRange<std::int64_t>(0, walk.size() + 1);
  const auto begin = *rc::gen::inRange<std::int64_t>(0, end + 1);
  RC_ASSERT(full_subwalk(dim, degree, begin, end) == subwalk(walk, begin, end));
}

TEST(Subwalk, ReachesFarIntoAWalkThatWouldNotFit) {
  const std::int64_t size = full_walk_size(30, 30).value();
  const Walk last = full_subwalk(30, 30, size - 1, size);
  EXPECT_EQ(last.size(), 31) << "x_30^30 and all its ancestors";
  EXPECT_EQ(last.variable.back(), 29);
  const Walk deep = full_subwalk(30, 30, 30, 32);
  EXPECT_EQ(deep.size(), 32) << "x_1^29 and all its ancestors, then x_1^30, then x_1^29 x_2";
  EXPECT_EQ(deep.degree[30], 30);
  EXPECT_EQ(deep.variable[31], 1);
}

TEST(Subwalk, OfNothingIsEmpty) {
  EXPECT_EQ(subwalk(full_walk(2, 2), 3, 3).size(), 0);
  EXPECT_EQ(full_subwalk(2, 2, 3, 3).size(), 0);
}

}  // namespace
}  // namespace tattn::plan
