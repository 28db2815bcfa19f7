#pragma once
#include <vector>

#include "plan/sum_blocks.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

/// Query rows that ranks do not cut further: fewer leave lanes of a register tile empty, with AVX-512 in float32.
inline constexpr std::int64_t kQueryBlock = 32;

/// One rank's share of the exact method: every query row of `queries` against part `key_part` of
/// `key_parts` of the key tuples.
struct WorkShare {
  RowRange queries;
  int key_part = 0;
  int key_parts = 1;
};

/// How the exact method is spread over ranks. Query rows are cut into contiguous flattened ranges of
/// equal work (row i of a causal slice costs (i+1)^t), at slice boundaries where that costs little
/// balance, at multiples of a query block otherwise. When ranks outnumber query blocks, or one slice's blocks are
/// so few that some ranks would have noticeably more of them, several ranks share a range and cut its keys.
struct Partition {
  std::vector<WorkShare> work;  ///< by rank; may be empty ranges
  std::vector<RowRange> owned;  ///< by rank: the query rows it should read and write; cover each row once
};

/// in_blocks: cut at ends of key_sum_blocks alone, with whole keys; ranks beyond the blocks have nothing to do.
[[nodiscard]] Partition partition_exact(const Problem& problem, int ranks, bool in_blocks = false);

/// Cuts of a box of keys into `parts`: of its outer tuples, as many as they allow, and of its inner rows.
struct KeyCuts {
  std::int64_t across, along;
};
[[nodiscard]] KeyCuts key_cuts(std::int64_t outer_tuples, std::int64_t parts);

/// The share of all key tuples that the largest of `parts` parts has.
[[nodiscard]] double largest_key_part(const Shape& shape, int parts);

/// Blocks of query rows whose key gradients are summed apart when sums must not depend on the ranks.
[[nodiscard]] SumBlocks key_sum_blocks(const Shape& shape);

}  // namespace tattn::plan
