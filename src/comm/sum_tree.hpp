#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/sum_blocks.hpp"
#include "tattn/operands.hpp"

namespace tattn {

/// What a rank has of sums that are added in the order of plan::SumBlocks: an array for each node that its blocks
/// make up, all of the same length. Not collective.
class SumTree {
 public:
  struct Entry {
    plan::SumNode node;
    std::vector<double> sums;
  };

  /// Nodes come in ascending order and without gaps; what makes up a larger node is added at once.
  void add(plan::SumNode node, std::vector<double> sums);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

  /// The sum of all, the last nodes first: whole slices have no other order, however they were put together.
  [[nodiscard]] std::vector<double> total();

 private:
  void add_last_two();

  std::vector<Entry> entries_;
};

/// Sums over the blocks of each slice, `count` of them, whichever ranks have them: the same bits at any number of
/// ranks. An array of `tree` is a matrix of `rows` rows and `columns` columns; those of the slices stand one after
/// the other, and each rank gets the rows `mine` of that. `units` are this rank's blocks, numbered through the
/// slices.
///
///     before  rank 0 [01] [2]   rank 1 [3] [4]        nodes of one slice, whole matrices
///     after   rank 0: rows of mine(0), rank 1: of mine(1), of (([01] + ([2] + [3])) + [4]
///
/// Writes mine.data whole. Collective.
template <class T>
void sum_in_tree(const Communicator& comm, const SumTree& tree, RowRange units, std::int64_t count,
                 std::int64_t rows, Block<T> mine, std::int64_t columns);

/// The same with all rows on every rank, `slices` times rows. Collective.
[[nodiscard]] std::vector<double> sum_in_tree_for_all(const Communicator& comm, const SumTree& tree, RowRange units,
                                                      std::int64_t count, std::int64_t slices, std::int64_t rows,
                                                      std::int64_t columns);

/// The sum of one number a row, in the order of the `total` rows, whichever ranks have them; on every rank.
/// Collective.
[[nodiscard]] double sum_in_order(const Communicator& comm, Block<const double> mine, std::int64_t total);

}  // namespace tattn
