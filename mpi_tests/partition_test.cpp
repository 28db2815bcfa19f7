// How the exact method is spread over ranks: pure arithmetic, so any number of ranks is tried on one.
#include "plan/partition.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "support/case.hpp"

namespace tattn::test {
namespace {

using plan::Partition;
using plan::partition_exact;
using plan::WorkShare;

/// A query range is a whole number of blocks of this many rows, or ends with its slice.
constexpr std::int64_t kBlock = plan::kQueryBlock;

Problem make_problem(std::int64_t slices, std::int64_t rows, int order, bool causal) {
  return {make_shape(slices, rows, std::vector<std::int64_t>(static_cast<std::size_t>(order), rows), 4, 4), 0.25,
          causal};
}

std::string describe(const Problem& problem, int ranks) {
  return fmt::format("{} slices of {} rows, order {}{}, {} ranks", problem.shape.slices, problem.shape.rows,
                     problem.shape.order, problem.causal ? ", causal" : "", ranks);
}

/// "" when the non-empty ranges, in any order, cover [0, rows) once.
std::string check_cover(std::vector<RowRange> ranges, std::int64_t rows) {
  std::erase_if(ranges, [](const RowRange& range) { return range.empty(); });
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::int64_t next = 0;
  for (const RowRange& range : ranges) {
    if (range.begin != next) return fmt::format("row {} is followed by {}", next, range.begin);
    next = range.end;
  }
  return next == rows ? "" : fmt::format("{} of {} rows are covered", next, rows);
}

/// "" when the ranks that share a query range hold each of its key parts once, and the ranges cover all rows.
std::string check_work(const std::vector<WorkShare>& work, std::int64_t rows) {
  std::map<std::int64_t, std::vector<WorkShare>> by_range;
  for (const WorkShare& share : work)
    if (!share.queries.empty()) by_range[share.queries.begin].push_back(share);
  std::vector<RowRange> ranges;
  for (auto& [begin, shares] : by_range) {
    std::sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.key_part < b.key_part; });
    ranges.push_back(shares.front().queries);
    for (std::size_t part = 0; part < shares.size(); ++part) {
      if (shares[part].queries != shares.front().queries) return fmt::format("ranges overlap at row {}", begin);
      if (shares[part].key_parts != static_cast<int>(shares.size()) ||
          shares[part].key_part != static_cast<int>(part))
        return fmt::format("row {}: part {} of {} among {} ranks", begin, shares[part].key_part,
                           shares[part].key_parts, shares.size());
    }
  }
  return check_cover(ranges, rows);
}

std::string check_partition(const Problem& problem, int ranks) {
  const Partition partition = partition_exact(problem, ranks);
  const std::int64_t rows = problem.shape.total_rows();
  if (partition.work.size() != static_cast<std::size_t>(ranks) || partition.owned.size() != partition.work.size())
    return "not one entry a rank";
  const std::string owned = check_cover(partition.owned, rows);
  return owned.empty() ? check_work(partition.work, rows) : "owned: " + owned;
}

TEST(Partition, CoversEachRowOnce) {
  for (const bool causal : {false, true})
    for (const std::int64_t slices : {1, 2, 3, 24})
      for (const std::int64_t rows : {1, 2, 15, 16, 17, 100, 1000})
        for (const int ranks : {1, 2, 3, 4, 7, 64, 129}) {
          const Problem problem = make_problem(slices, rows, 2, causal);
          EXPECT_EQ(check_partition(problem, ranks), "") << describe(problem, ranks);
        }
}

RC_GTEST_PROP(PartitionProperty, CoversEachRowOnce, ()) {
  const Problem problem =
      make_problem(*rc::gen::inRange<std::int64_t>(1, 40), *rc::gen::inRange<std::int64_t>(1, 300),
                   *rc::gen::inRange(1, kMaxOrder + 1), *rc::gen::arbitrary<bool>());
  const int ranks = *rc::gen::inRange(1, 80);
  const std::string wrong = check_partition(problem, ranks);
  if (!wrong.empty()) RC_FAIL(describe(problem, ranks) + ": " + wrong);
}

TEST(Partition, CountsIn64Bits) {
  for (const bool causal : {false, true}) {
    const Problem problem = make_problem(1000, 40'000'000, 2, causal);
    EXPECT_EQ(check_partition(problem, 4096), "") << describe(problem, 4096);
  }
}

/// Key tuples of the first `rows` rows of a slice.
double tuples_of_slice(const Problem& problem, std::int64_t rows) {
  const auto n = static_cast<double>(problem.shape.rows);
  if (!problem.causal) return static_cast<double>(rows) * std::pow(n, problem.shape.order);
  double sum = 0;
  for (std::int64_t i = 0; i < rows; ++i) sum += std::pow(static_cast<double>(i + 1), problem.shape.order);
  return sum;
}

double tuples_before(const Problem& problem, std::int64_t row) {
  const std::int64_t n = problem.shape.rows;
  return static_cast<double>(row / n) * tuples_of_slice(problem, n) + tuples_of_slice(problem, row % n);
}

// A border is off its ideal place by half a block and a row, or by 5 % of a rank's share where that keeps a
// slice whole. A rank has two borders, and no row has more tuples than the last one of a slice.
TEST(Partition, BalancesTheWork) {
  for (const bool causal : {false, true})
    for (const int order : {1, 2, 3})
      for (const std::int64_t slices : {1, 3, 10})
        for (const int ranks : {2, 3, 4, 7, 16}) {
          const Problem problem = make_problem(slices, 600, order, causal);
          const double mean = tuples_before(problem, problem.shape.total_rows()) / ranks;
          const double row = std::pow(600.0, order), slack = std::max(0.05 * mean, (kBlock / 2.0 + 1) * row);
          for (const WorkShare& share : partition_exact(problem, ranks).work) {
            const double work =
                tuples_before(problem, share.queries.end) - tuples_before(problem, share.queries.begin);
            EXPECT_LE(work / share.key_parts, mean + 2 * slack) << describe(problem, ranks);
          }
        }
}

// Cut evenly, the last of 4 ranks would have 1 - (3/4)^3 = 58 % of a causal problem of order 2 instead of 25 %.
TEST(Partition, GivesFewerOfTheLongRowsWhenCausal) {
  const Partition partition = partition_exact(make_problem(1, 4096, 2, true), 4);
  for (std::size_t rank = 1; rank < 4; ++rank)
    EXPECT_LT(partition.work[rank].queries.size(), partition.work[rank - 1].queries.size());
}

TEST(Partition, KeepsSlicesWholeWhereThatCostsLittle) {
  for (const bool causal : {false, true})
    for (const auto& [slices, ranks] :
         std::vector<std::pair<std::int64_t, int>>{{4, 4}, {12, 3}, {70, 7}, {150, 7}, {83, 7}}) {
      const Problem problem = make_problem(slices, 50, 2, causal);
      for (const WorkShare& share : partition_exact(problem, ranks).work) {
        EXPECT_EQ(share.queries.begin % 50, 0) << describe(problem, ranks);
        EXPECT_EQ(share.queries.end % 50, 0) << describe(problem, ranks);
        EXPECT_EQ(share.key_parts, 1) << describe(problem, ranks);
      }
    }
}

TEST(Partition, CutsAtBlocksOtherwise) {
  for (const WorkShare& share : partition_exact(make_problem(1, 1000, 2, false), 7).work)
    EXPECT_EQ(share.queries.begin % kBlock, 0);
}

// 2 blocks for 7 ranks: all share both, as 4 and 3 of them for one each would be uneven. 2 slices cannot be shared
// so.
TEST(Partition, CutsKeysWhenRanksOutnumberBlocks) {
  for (const WorkShare& share : partition_exact(make_problem(1, 2 * kBlock, 2, false), 7).work) {
    EXPECT_EQ(share.queries.size(), 2 * kBlock);
    EXPECT_EQ(share.key_parts, 7);
  }
  std::map<int, int> parts;
  for (const WorkShare& share : partition_exact(make_problem(2, kBlock, 2, false), 7).work) {
    EXPECT_EQ(share.queries.size(), kBlock);
    ++parts[share.key_parts];
  }
  EXPECT_EQ(parts, (std::map<int, int>{{3, 3}, {4, 4}}));
}

// 10 blocks for 7 ranks: whole blocks would leave some ranks two of them, and the others idle half of the time.
TEST(Partition, CutsKeysWhereBlocksDoNotDivide) {
  for (const auto& [rows, ranks] : std::vector<std::pair<std::int64_t, int>>{{10 * kBlock, 7},
                                                                             {3 * kBlock, 2},
                                                                             {5 * kBlock, 4},
                                                                             {1000, 32},
                                                                             {100'000, 1536},
                                                                             {100'000, 4096},
                                                                             {100'000, 65'536}}) {
    const Problem problem = make_problem(1, rows, 2, false);
    EXPECT_EQ(check_partition(problem, ranks), "") << describe(problem, ranks);
    const double mean = static_cast<double>(rows) / ranks;
    for (const WorkShare& share : partition_exact(problem, ranks).work)
      EXPECT_LE(static_cast<double>(share.queries.size()) / share.key_parts, 1.2 * mean)
          << describe(problem, ranks);
  }
}

TEST(Partition, LeavesRanksWithoutRowsToOwn) {
  const Partition partition = partition_exact(make_problem(1, 1, 1, false), 5);
  const auto owners =
      std::count_if(partition.owned.begin(), partition.owned.end(), [](auto r) { return !r.empty(); });
  EXPECT_EQ(owners, 1);
  for (const RowRange& owned : partition.owned) EXPECT_GE(owned.size(), 0);
}

}  // namespace
}  // namespace tattn::test
