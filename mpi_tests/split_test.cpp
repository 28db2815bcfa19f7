// Heavy rows exact, the others by the polynomial: against the slow twin, at both ends against the two methods it is
// made of, and against differences of its own forward pass.
#include "split/split.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/finite_difference.hpp"
#include "support/grids.hpp"
#include "support/judge.hpp"
#include "support/plain_attention.hpp"
#include "support/plain_split.hpp"
#include "support/plan_run.hpp"

namespace tattn::test {
namespace {

using plan::HeavyCounts;
using plan::HeavyRows;

Plan plan_with(const plan::Walk& walk, const HeavyRows& heavy, const plan::Grid& grid) {
  Plan plan;
  plan.method = Method::polynomial;
  plan.walk = std::make_shared<const plan::Walk>(walk);
  plan.features = walk.features();
  if (heavy.any()) plan.heavy = std::make_shared<const HeavyRows>(heavy);
  plan.slice_groups = grid.slices;
  plan.sequence_blocks = grid.sequence;
  plan.feature_groups = grid.features;
  return plan;
}

template <class T>
Arrays split(const Case& c, const plan::Walk& walk, const HeavyRows& heavy, const plan::Grid& grid = {},
             const How& how = {}) {
  return by_plan<T>(c, plan_with(walk, heavy, grid), options_of(how), how);
}

template <class T>
class Split : public testing::Test {
 protected:
  /// On the given grids, one cut after the other.
  static void check(const Case& original, const plan::Walk& walk, const HeavyRows& heavy,
                    const std::vector<plan::Grid>& grids, const std::string& name) {
    const Case c = rounded<T>(original);
    std::vector<Arrays> results;
    std::size_t cut = 0;
    for (const plan::Grid& grid : grids) {
      results.push_back(split<T>(c, walk, heavy, grid, {kCuts[cut % kCuts.size()], 1 + static_cast<int>(cut % 2)}));
      ++cut;
    }
    const auto judge = [&] {
      const Arrays truth = plain_split(c, walk, heavy);
      const Precision precision = precision_of<T>();
      return first_difference(results, truth,
                              split_rounding_bound(c, walk, heavy, truth, precision.eps, precision.smallest));
    };
    expect_verdict(MPI_COMM_WORLD, judge, name);
  }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Split, Types);

const std::vector<std::vector<std::int64_t>> kLengths{{31}, {7, 12}, {5, 3, 6}, {3, 4, 2, 5}};

/// Counts of the same kind at every order: none in some operand, some, all of one operand.
std::vector<HeavyCounts> some_counts(const Shape& shape) {
  std::vector<HeavyCounts> result{{2, 1, 2, 1, 1}, {0, 2, 0, 1, 0}, {3, 0, 1, 0, 0}, {4, 0, 0, 0, 0}};
  result.push_back({1, 0, 0, 0, 0});
  result.back()[static_cast<std::size_t>(shape.order)] = shape.key_rows[static_cast<std::size_t>(shape.order - 1)];
  for (HeavyCounts& counts : result)
    for (int u = shape.order; u < kMaxOrder; ++u) counts[static_cast<std::size_t>(u) + 1] = 0;
  return result;
}

std::vector<plan::Grid> grids_here() {
  return all_grids(size_of_comm(MPI_COMM_WORLD));
}

// Grids and sets take turns: a call is many small messages.
TYPED_TEST(Split, EveryOrderSetGridAndCut) {
  const std::vector<plan::Grid> grids = grids_here();
  std::size_t turn = 0;
  for (const auto& keys : kLengths) {
    const Case c = random_case(make_shape(2, 13, keys, 4, 5), 3);
    for (const HeavyCounts& counts : some_counts(c.problem.shape)) {
      const HeavyRows heavy = draw_heavy(c.problem.shape, counts, 1);
      this->check(outliers(c, heavy, 3), plan::full_walk(4, 4), heavy, {grids[turn++ % grids.size()]},
                  "order " + std::to_string(keys.size()));
    }
  }
}

TYPED_TEST(Split, MoreRanksThanRows) {
  const Case c = random_case(make_shape(1, 2, {2, 1}, 3, 3), 9);
  this->check(c, plan::full_walk(3, 3), draw_heavy(c.problem.shape, {1, 1, 0}, 2), grids_here(), "few rows");
}

TYPED_TEST(Split, NothingHeavyIsThePolynomial) {
  const Case c = rounded<TypeParam>(random_case(make_shape(2, 13, {7, 12}, 4, 5), 4));
  const plan::Grid grid = plan::default_grid(c.problem.shape, size_of_comm(MPI_COMM_WORLD));
  Plan none = plan_with(plan::full_walk(4, 4), {}, grid), empty = none;
  empty.heavy = std::make_shared<const HeavyRows>();
  const Arrays polynomial = by_plan<TypeParam>(c, none, {}), split = by_plan<TypeParam>(c, empty, {});
  Arrays bound;  // the merge of a single part rounds both a few times
  for (const char* name : {"O", "LSE"})
    for (const double x : polynomial.at(name))
      bound[name].push_back(8 * precision_of<TypeParam>().eps * (1 + std::abs(x)));
  EXPECT_EQ(first_difference(only(split, {"O", "LSE"}), only(polynomial, {"O", "LSE"}), bound), "");
}

// All queries heavy, all rows of a key heavy, all of everything: the exact method, whatever the polynomial.
TYPED_TEST(Split, AllHeavyIsExact) {
  for (const auto& keys : kLengths) {
    const Case c = rounded<TypeParam>(random_case(make_shape(2, 13, keys, 4, 5), 5));
    const Shape& shape = c.problem.shape;
    HeavyCounts all{shape.rows}, queries{shape.rows}, first{};
    for (std::size_t u = 0; u < keys.size(); ++u) all[u + 1] = keys[u];
    first[1] = keys[0];
    std::vector<Arrays> results;
    for (const HeavyCounts& counts : {all, queries, first})
      results.push_back(split<TypeParam>(c, plan::full_walk(4, 0), draw_heavy(shape, counts, 1)));
    expect_verdict(
        MPI_COMM_WORLD,
        [&] {
          return first_difference(results, plain_attention(c),
                                  times(2, rounding_bound(c, precision_of<TypeParam>())));
        },
        "all heavy");
  }
}

// One heavy key row whose scores are far above or below all others, by more than 10^30 in the sums.
TYPED_TEST(Split, EitherPartDominates) {
  Case c = random_case(make_shape(1, 6, {7, 4}, 3, 2), 6);
  for (double& x : c.in.at("Q")) x = std::abs(x) / 4 + 0.25;
  for (double& x : c.in.at("K2")) x = std::abs(x) / 4 + 0.25;
  HeavyRows heavy;
  heavy.counts = {0, 1, 0};
  heavy.rows[1] = {3};
  for (const double size : {2000.0, -2000.0}) {
    for (std::size_t l = 0; l < 3; ++l) c.in.at("K1")[9 + l] = size;
    this->check(c, plan::full_walk(3, 4), heavy, {grids_here().back()},
                size > 0 ? "heavy dominates" : "light dominates");
  }
}

// Gradients of float go through double for the query rows whose LSE is large, and for the heavy ones with them.
TYPED_TEST(Split, SomeQueriesHaveLargeScores) {
  const Case original = random_case(make_shape(3, 9, {7, 5}, 3, 2), 9);
  const HeavyRows heavy = draw_heavy(original.problem.shape, {2, 1, 1}, 10);
  HeavyRows keys = heavy;
  keys.rows[0].clear();
  const Case c = rounded<TypeParam>(outliers(original, keys, 30));
  const auto large = [](double lse) { return std::abs(lse) > 256; };
  expect_verdict(
      MPI_COMM_WORLD,
      [&]() -> std::string {
        const Arrays truth = plain_split(c, plan::full_walk(3, 4), heavy);
        const auto count = std::count_if(truth.at("LSE").begin(), truth.at("LSE").end(), large);
        return 0 < count && count < 27 ? "" : fmt::format("{} of 27 rows have large scores", count);
      },
      "the case");
  this->check(c, plan::full_walk(3, 4), heavy, grids_here(), "some large scores");
}

TEST(SplitGradient, IsThatOfItsOwnForwardPass) {
  for (const auto& keys : {std::vector<std::int64_t>{4}, {3, 2}, {2, 1, 2}}) {
    if (keys.size() > 1 && size_of_comm(MPI_COMM_WORLD) > 2) break;  // four forward passes an entry
    Case c = random_case(make_shape(1, 3, keys, 2, 2), 7);
    const HeavyRows heavy = draw_heavy(c.problem.shape, {1, 1, keys.size() > 1, 0, 0}, 3);
    c = rounded<float>(outliers(c, heavy, 2));
    const plan::Walk walk = plan::full_walk(2, 3);
    expect_gradients_like_differences(c, split<double>(c, walk, heavy),
                                      [&](const Case& moved) { return split<double>(moved, walk, heavy).at("O"); });
  }
}

/// sum x y, and to `bound` is added how far x y of an error in y may move it.
double inner(const Matrix& x, const Matrix& y, const Matrix& error_of_y, double& bound) {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    sum += x[k] * y[k];
    bound += std::abs(x[k]) *
             (error_of_y[k] + static_cast<double>(x.size()) * precision_of<double>().eps * std::abs(y[k]));
  }
  return sum;
}

// O is linear in V_t: sum dO O(W) = sum W dV_t for any W in its place. And a score knows only the products of Q and
// the keys: sum Q dQ = sum K_t dK_t.
TEST(SplitGradient, IsTheAdjoint) {
  for (const auto& keys : kLengths) {
    const Case plain = random_case(make_shape(2, 13, keys, 4, 5), 8);
    const HeavyRows heavy = draw_heavy(plain.problem.shape, some_counts(plain.problem.shape)[0], 4);
    const Case c = outliers(plain, heavy, 3), other = random_case(plain.problem.shape, 9);
    const plan::Walk walk = plan::full_walk(4, 4);
    const plan::Grid grid = grids_here().front();
    const Arrays result = split<double>(c, walk, heavy, grid);
    const auto bounds = [&](const Case& of) {
      const Precision precision = precision_of<double>();
      return split_rounding_bound(of, walk, heavy, plain_split(of, walk, heavy), precision.eps, precision.smallest);
    };
    const int u = c.problem.shape.order - 1;
    Case moved = c;
    const Matrix& w = moved.in.at(numbered("V", u)) = other.in.at(numbered("V", u));
    const Arrays of_moved = split<double>(moved, walk, heavy, grid);
    const auto judge = [&]() -> std::string {
      const Arrays bound = bounds(c);
      double allowed = 0, keys_allowed = 0;
      const std::string dv = numbered("dV", u), k = numbered("K", u);
      const double gap = inner(c.in.at("dO"), of_moved.at("O"), bounds(moved).at("O"), allowed) -
                         inner(w, result.at(dv), bound.at(dv), allowed);
      if (!(std::abs(gap) <= allowed)) return fmt::format("V: {} beyond {}", gap, allowed);
      const double keys_gap = inner(c.in.at("Q"), result.at("dQ"), bound.at("dQ"), keys_allowed) -
                              inner(c.in.at(k), result.at("d" + k), bound.at("d" + k), keys_allowed);
      return std::abs(keys_gap) <= keys_allowed ? "" : fmt::format("K: {} beyond {}", keys_gap, keys_allowed);
    };
    expect_verdict(MPI_COMM_WORLD, judge, "order " + std::to_string(keys.size()));
  }
}

TEST(HeavyRowsParts, CoverEveryTupleOnce) {
  const Shape shape = make_shape(1, 5, {4, 6, 3}, 1, 1);
  const HeavyCounts counts{2, 1, 0, 3};
  const auto tuples = [](const Shape& s) { return s.rows * s.key_rows[0] * s.key_rows[1] * s.key_rows[2]; };
  std::int64_t sum = tuples(plan::part_shape(shape, counts, plan::light_part()));
  for (const plan::TuplePart& part : plan::exact_parts(shape, counts))
    sum += tuples(plan::part_shape(shape, counts, part));
  EXPECT_EQ(sum, tuples(shape));
}

}  // namespace
}  // namespace tattn::test
