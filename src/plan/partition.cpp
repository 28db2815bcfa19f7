#include "plan/partition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::plan {
namespace {

constexpr double kSliceSnap = 0.05;  // imbalance accepted for keeping a slice whole
constexpr double kUneven = 0.1;      // and for keeping keys whole
constexpr int kMostParts = 8;        // of the keys, where there are blocks for as many ranks

std::int64_t query_blocks(const Shape& shape) {
  return shape.slices * ((shape.rows + kQueryBlock - 1) / kQueryBlock);
}

/// Work of the first `rows` flattened query rows: the number of their key tuples, up to a constant factor.
double work_before(const Problem& problem, std::int64_t rows) {
  if (!problem.causal) return static_cast<double>(rows);
  const double exponent = problem.shape.order + 1;
  const auto within = [&](double m) { return std::pow(m + 0.5, exponent) - std::pow(0.5, exponent); };
  const double slice = within(static_cast<double>(problem.shape.rows));
  return static_cast<double>(rows / problem.shape.rows) * slice +
         within(static_cast<double>(rows % problem.shape.rows));
}

/// The flattened row before which `work` is done.
std::int64_t row_at_work(const Problem& problem, double work) {
  std::int64_t low = 0, high = problem.shape.total_rows();
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (work_before(problem, middle) < work)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// A cut near `work`: at a slice boundary where that is nearly as good, else at a whole block of the slice.
std::int64_t cut_near(const Problem& problem, double work, double share, std::int64_t block) {
  const std::int64_t rows = problem.shape.rows, row = row_at_work(problem, work);
  const auto misses = [&](std::int64_t cut) { return std::abs(work_before(problem, cut) - work); };
  const std::int64_t before = row / rows * rows, after = std::min(before + rows, problem.shape.total_rows());
  const std::int64_t boundary = misses(before) <= misses(after) ? before : after;
  if (misses(boundary) <= kSliceSnap * share) return boundary;
  const std::int64_t inside = (row % rows + block / 2) / block * block;
  return row / rows * rows + std::min(inside, rows);
}

/// `parts` ranks share the rows and cut their keys.
void add_team(RowRange rows, int parts, Partition& partition) {
  for (int part = 0; part < parts; ++part) {
    const RowRange owned = even_range(rows.size(), parts, part);
    partition.work.push_back({rows, part, parts});
    partition.owned.push_back({rows.begin + owned.begin, rows.begin + owned.end});
  }
}

Partition by_query_rows(const Problem& problem, int ranks, std::int64_t block) {
  const std::int64_t rows = problem.shape.total_rows();
  const double share = work_before(problem, rows) / ranks;
  Partition result;
  std::int64_t begin = 0;
  for (int r = 0; r < ranks; ++r) {
    const std::int64_t end =
        r + 1 == ranks ? rows : std::max(begin, cut_near(problem, share * (r + 1), share, block));
    add_team({begin, end}, 1, result);
    begin = end;
  }
  return result;
}

/// Of the ranks at one slice: the most teams, that is the fewest parts of the keys, with which no rank has
/// noticeably more to do than the mean. A team takes whole blocks.
int teams_of(const Shape& shape, int ranks) {
  const std::int64_t blocks = query_blocks(shape);
  const int most = static_cast<int>(std::min<std::int64_t>(ranks, blocks));
  const int parts = std::max(kMostParts, 2 * ((ranks + most - 1) / most));  // merging them takes a message each
  const double share = static_cast<double>(shape.rows) / ranks;
  double least = std::numeric_limits<double>::infinity();
  int best = most;
  for (int teams = most; teams >= std::max(1, ranks / parts); --teams) {
    const auto rows = static_cast<double>((blocks + teams - 1) / teams * kQueryBlock);
    const double longest = rows * largest_key_part(shape, ranks / teams);  // in rows with all keys
    if (longest >= least) continue;
    least = longest;
    best = teams;
    if (longest <= (1 + kUneven) * share) break;
  }
  return best;
}

Partition by_teams(const Shape& shape, int ranks, int teams) {
  Partition result;
  for (int t = 0; t < teams; ++t) {
    const RowRange blocks = even_range(query_blocks(shape), teams, t);
    add_team({blocks.begin * kQueryBlock, std::min(blocks.end * kQueryBlock, shape.rows)},
             static_cast<int>(even_range(ranks, teams, t).size()), result);
  }
  return result;
}

/// More ranks than blocks: the ranks of one block share its rows and cut its keys.
Partition by_blocks_and_keys(const Problem& problem, int ranks) {
  const Shape& shape = problem.shape;
  const std::int64_t per_slice = (shape.rows + kQueryBlock - 1) / kQueryBlock, blocks = query_blocks(shape);
  Partition result;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t begin = b / per_slice * shape.rows + b % per_slice * kQueryBlock;
    const RowRange rows{begin, std::min(begin + kQueryBlock, (b / per_slice + 1) * shape.rows)};
    add_team(rows, static_cast<int>(even_range(ranks, blocks, b).size()), result);
  }
  return result;
}

}  // namespace

KeyCuts key_cuts(std::int64_t outer_tuples, std::int64_t parts) {
  const std::int64_t across = std::clamp<std::int64_t>(outer_tuples, 1, parts);
  return {across, parts / across};
}

double largest_key_part(const Shape& shape, int parts) {
  double inner = 1, tuples = 1;
  for (int u = 0; u < shape.order; ++u) {
    const auto rows = static_cast<double>(shape.key_rows[static_cast<std::size_t>(u)]);
    inner = std::max(inner, rows);
    tuples *= rows;
  }
  const double outer = tuples / inner;
  const KeyCuts cuts = key_cuts(static_cast<std::int64_t>(std::min<double>(outer, parts)), parts);
  const auto share = [](double count, std::int64_t by) {
    return std::ceil(count / static_cast<double>(by)) / count;
  };
  return share(outer, cuts.across) * share(inner, cuts.along);
}

SumBlocks key_sum_blocks(const Shape& shape) {
  return SumBlocks::of(shape.rows, shape.order == 1 ? kMomentBlock : SumBlocks::kRows);
}

Partition partition_exact(const Problem& problem, int ranks, bool in_blocks) {
  const Shape& shape = problem.shape;
  if (in_blocks) return by_query_rows(problem, ranks, key_sum_blocks(shape).block);
  // A team's rows lie in one slice, and all of them see all keys.
  if (shape.slices == 1 && !problem.causal) return by_teams(shape, ranks, teams_of(shape, ranks));
  return ranks <= query_blocks(shape) ? by_query_rows(problem, ranks, kQueryBlock)
                                      : by_blocks_and_keys(problem, ranks);
}

}  // namespace tattn::plan
