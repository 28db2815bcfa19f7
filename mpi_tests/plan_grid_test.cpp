// How the polynomial method is spread over ranks: pure arithmetic, so any number of ranks is tried on one.
#include <gtest/gtest.h>

#include <numeric>

#include "plan/grid.hpp"
#include "support/case.hpp"
#include "support/grids.hpp"

namespace tattn::test {
namespace {

using plan::Grid;

/// "" when the ranges, in this order, cover [0, rows) once.
std::string covers(const std::vector<RowRange>& ranges, std::int64_t rows) {
  std::int64_t next = 0;
  for (const RowRange& range : ranges) {
    if (range.begin != next)
      return "row " + std::to_string(next) + " is followed by " + std::to_string(range.begin);
    if (range.end < range.begin) return "a range of negative size at " + std::to_string(range.begin);
    next = range.end;
  }
  return next == rows ? "" : std::to_string(next) + " of " + std::to_string(rows) + " rows are covered";
}

TEST(Grid, NumbersRanksWithSharedRowsAsNeighbours) {
  const Grid grid{2, 3, 2};
  EXPECT_EQ(grid.ranks(), 12);
  for (int rank = 0; rank < 12; ++rank) {
    const plan::GridPlace place = plan::place_of(grid, rank);
    EXPECT_EQ((place.slices * 3 + place.sequence) * 2 + place.features, rank);
  }
  EXPECT_EQ(plan::place_of(grid, 11), (plan::GridPlace{1, 2, 1}));
}

// More ranks than slices, rows or both: blocks are empty, and still each row is held once.
TEST(Grid, SharesCoverEachRowOnce) {
  for (const std::int64_t slices : {1, 2, 5})
    for (const std::int64_t rows : {1, 3, 11})
      for (const int ranks : {1, 2, 3, 4, 7, 12})
        for (const Grid& grid : all_grids(ranks)) {
          std::vector<RowRange> shares, blocks;
          for (int rank = 0; rank < ranks; ++rank) {
            shares.push_back(plan::grid_share(grid, rank, slices, rows));
            if (plan::place_of(grid, rank).features == 0)
              blocks.push_back(plan::grid_rows(grid, rank, slices, rows));
            const RowRange block = plan::grid_rows(grid, rank, slices, rows);
            EXPECT_EQ(intersect(block, shares.back()).size(), shares.back().size());
          }
          EXPECT_EQ(covers(shares, slices * rows), "");
          EXPECT_EQ(covers(blocks, slices * rows), "");
        }
}

TEST(Grid, BlocksAreTheEvenCutWithSequenceBlocksAlone) {
  for (int rank = 0; rank < 7; ++rank) {
    EXPECT_EQ(plan::grid_rows({1, 7, 1}, rank, 2, 13), even_range(26, 7, rank));
    EXPECT_EQ(plan::grid_share({1, 7, 1}, rank, 2, 13), even_range(26, 7, rank));
  }
}

TEST(Grid, SpreadsSlicesOnlyWhereAllRanksStayBusy) {
  const auto of = [](std::int64_t slices, int ranks) {
    return plan::default_grid(make_shape(slices, 5, {5}, 2, 2), ranks);
  };
  EXPECT_EQ(of(1, 1), (Grid{1, 1, 1}));
  EXPECT_EQ(of(3, 4), (Grid{1, 4, 1}));
  EXPECT_EQ(of(4, 4), (Grid{4, 1, 1}));
  EXPECT_EQ(of(5, 4), (Grid{1, 4, 1}));  // one rank would have two slices, the others one
  EXPECT_EQ(of(1000, 7), (Grid{7, 1, 1}));
}

/// Every third node only on the way to others.
plan::Walk with_pass_through(std::int64_t dim, int degree) {
  plan::Walk walk = plan::full_walk(dim, degree);
  for (std::size_t node = 0; node < walk.owned.size(); node += 3) {
    walk.owned[node] = 0;
    walk.weight[node] = 0;
  }
  return walk;
}

TEST(FeatureGroups, CoverTheWalkInEqualParts) {
  for (const int degree : {0, 1, 4})
    for (const plan::Walk& walk : {plan::full_walk(3, degree), with_pass_through(3, degree)})
      for (const std::int64_t values : {1, 16})
        for (const int groups : {1, 2, 3, 7, 50}) {
          std::vector<RowRange> ranges;
          for (int group = 0; group < groups; ++group)
            ranges.push_back(plan::feature_range(walk, values, groups, group));
          EXPECT_EQ(covers(ranges, walk.size()), "");
          const auto features = plan::group_features(walk, values, groups);
          EXPECT_EQ(std::accumulate(features.begin(), features.end(), std::int64_t{0}), walk.features());
          // A group's work is off by one node at either end, at most value_dim + 2, and a node takes at least 1.
          for (int group = 0; group < groups; ++group) {
            const RowRange range = ranges[static_cast<std::size_t>(group)];
            const std::int64_t all = walk.size() + walk.features() * (values + 1),
                               work = range.size() + features[static_cast<std::size_t>(group)] * (values + 1);
            EXPECT_LE(std::abs(work * groups - all), (values + 2) * groups);
          }
        }
}

/// The features of the groups as walks of their own are those of the whole walk.
TEST(FeatureGroups, HaveTheWeightsOfTheWhole) {
  const plan::Walk walk = with_pass_through(4, 3);
  for (const int groups : {1, 2, 5}) {
    double sum = 0, whole = 0;
    std::int64_t features = 0;
    for (int group = 0; group < groups; ++group) {
      const RowRange nodes = plan::feature_range(walk, 3, groups, group);
      const plan::Walk part = plan::subwalk(walk, nodes.begin, nodes.end);
      features += part.features();
      sum += std::accumulate(part.weight.begin(), part.weight.end(), 0.0);
    }
    whole = std::accumulate(walk.weight.begin(), walk.weight.end(), 0.0);
    EXPECT_EQ(features, walk.features());
    EXPECT_NEAR(sum, whole, static_cast<double>(walk.size()) * std::numeric_limits<double>::epsilon() * whole);
  }
}

std::int64_t bytes(std::int64_t rows, const Grid& grid, plan::Pass pass) {
  const Problem problem{make_shape(2, rows, {rows, rows}, 8, 4), 1.0, false};
  const auto features = plan::group_features(plan::full_walk(8, 3), 4, grid.features);
  return plan::polynomial_bytes(problem, grid, features, 4, pass);
}

TEST(PolynomialBytes, DoNotDependOnRowsWithSequenceBlocksAlone) {
  constexpr std::int64_t kMatrix = 165 * 5 * 8 * 2;  // C(8 + 3, 3) features, dv + 1 columns, double, 2 slices
  for (const std::int64_t rows : {10, 1000, 1000000}) {
    EXPECT_EQ(bytes(rows, {1, 4, 1}, plan::Pass::forward), 2 * kMatrix);
    EXPECT_EQ(bytes(rows, {1, 4, 1}, plan::Pass::gradient), kMatrix);
  }
}

TEST(PolynomialBytes, AreNoneWithSliceGroupsAlone) {
  EXPECT_EQ(bytes(100, {2, 1, 1}, plan::Pass::forward), 0);
  EXPECT_EQ(bytes(100, {2, 1, 1}, plan::Pass::gradient), 0);
}

// Two feature groups of one block: half of the rows of Q, K and V go in, half of those of N go out.
TEST(PolynomialBytes, GrowWithTheRowsWithFeatureGroups) {
  for (const std::int64_t rows : {10, 1000}) {
    EXPECT_EQ(bytes(rows, {1, 1, 2}, plan::Pass::forward), rows * (4 * (8 + 2 * (8 + 4)) + 8 * 5));
    EXPECT_EQ(bytes(rows, {1, 1, 2}, plan::Pass::gradient),
              rows * (4 * (8 + 5 + 2 * (8 + 4)) + 8 * (8 + 2 * (8 + 4))));
    const Problem problem{make_shape(2, rows, {rows, rows}, 8, 4), 1.0, false};
    EXPECT_EQ(plan::moved_bytes(problem, {1, 1, 2}, 4, plan::Pass::forward),
              bytes(rows, {1, 1, 2}, plan::Pass::forward));
    EXPECT_EQ(plan::moved_bytes(problem, {1, 4, 1}, 4, plan::Pass::gradient), 0);
  }
}

}  // namespace
}  // namespace tattn::test
