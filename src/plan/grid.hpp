#pragma once
#include <cstdint>
#include <vector>

#include "plan/memory.hpp"
#include "plan/monomial_walk.hpp"
#include "plan/sum_blocks.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

/// How the polynomial method is spread over slices * sequence * features ranks. Each works on one group of
/// neighbouring slices, on one block of the group's flattened rows (of every operand; it may span slices) and on
/// one group of neighbouring features. Any of them may be empty. Ranks that share rows are neighbours:
///
///     rank = (slice group * sequence + sequence block) * features + feature group
struct Grid {
  int slices = 1, sequence = 1, features = 1;
  bool whole_blocks = false;  ///< sequence blocks end where blocks of moment_blocks end; with one feature group

  [[nodiscard]] int ranks() const { return slices * sequence * features; }
  bool operator==(const Grid&) const = default;
};

/// The slice group, sequence block and feature group of a rank.
struct GridPlace {
  int slices = 0, sequence = 0, features = 0;
  bool operator==(const GridPlace&) const = default;
};
[[nodiscard]] GridPlace place_of(const Grid& grid, int rank);

/// Slice groups, which need no sums over ranks, where the slices are enough to keep all ranks busy; sequence
/// blocks otherwise.
[[nodiscard]] Grid default_grid(const Shape& shape, int ranks);

/// The slices of a rank's group.
[[nodiscard]] RowRange grid_slices(const Grid& grid, int rank, std::int64_t slices);

/// Blocks of an operand's rows whose moments are summed apart when sums must not depend on the ranks.
[[nodiscard]] SumBlocks moment_blocks(std::int64_t rows);

/// The flattened rows that a rank works on, of an operand with `rows` rows a slice.
[[nodiscard]] RowRange grid_rows(const Grid& grid, int rank, std::int64_t slices, std::int64_t rows);

/// Those of them that it best holds before and after: the ranks that share rows hold an even share each, so over
/// the ranks each row is held once.
[[nodiscard]] RowRange grid_share(const Grid& grid, int rank, std::int64_t slices, std::int64_t rows);

/// The nodes of a feature group: a contiguous range of the walk (see subwalk). The groups take equal work,
/// value_dim
/// + 1 multiplications for a feature and one to make a node.
[[nodiscard]] RowRange feature_range(const Walk& walk, std::int64_t value_dim, int groups, int group);

/// How many features every group has.
[[nodiscard]] std::vector<std::int64_t> group_features(const Walk& walk, std::int64_t value_dim, int groups);

/// Neighbouring slices whose moments of so many features are held together, at least 1.
[[nodiscard]] std::int64_t slices_at_once(const Shape& shape, std::int64_t features);

/// Most payload bytes that a rank of the grid sends in a pass, every rank holding its grid_share before and after;
/// `features` by feature group. With e bytes an entry and b rows in a block, of which the rank holds o,
///
///     moments   forward t, gradient 1 times 8 slices features (dv+1), when there is more than one sequence block
///     rows in   e o (features' groups - 1) columns, for Q K V and in the gradient dN
///     rows out  8 (b - o) columns, for N, in the gradient dQ dK dV, when there is more than one feature group
///
/// The gradient has the moments of forward, where those of the rank's slices are held together, and makes them
/// again elsewhere.
[[nodiscard]] std::int64_t polynomial_bytes(const Problem& problem, const Grid& grid,
                                            const std::vector<std::int64_t>& features, int element_bytes,
                                            Pass pass);

/// Those of them that are rows on their way, of the first rank.
[[nodiscard]] std::int64_t moved_bytes(const Problem& problem, const Grid& grid, int element_bytes, Pass pass);

/// Bytes that a rank of a grid with feature groups copies or adds for its rows in a pass, none without: those of
/// Q K V (in the gradient dN) once, parts of N (in the gradient dQ dK dV) twice, packed and added in double.
[[nodiscard]] std::int64_t copied_bytes(const Problem& problem, const Grid& grid, int element_bytes, Pass pass);

}  // namespace tattn::plan
