#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tattn/operands.hpp"

namespace tattn::plan {

/// Rows of a slice in blocks, cut by their number alone. Sums over the rows that must not depend on the ranks are
/// made block by block and added in a fixed tree: neighbours in pairs, pairs in pairs of pairs, and so on.
///
///     blocks  0 1 2 3 4      ((0 + 1) + (2 + 3)) + 4      a rank with blocks 1 2 3 holds the nodes [1] and [2 3]
struct SumBlocks {
  static constexpr std::int64_t kRows = 64;  ///< a block is so many rows, or whole multiples of it
  static constexpr std::int64_t kMost = 64;  ///< blocks of a slice, unless they are of `least` rows

  /// Blocks of `least` rows, a multiple of kRows, or of more where they would be more than kMost.
  static SumBlocks of(std::int64_t rows, std::int64_t least) {
    const std::int64_t even = (rows + kMost * kRows - 1) / (kMost * kRows) * kRows;
    return {rows, std::max(least, even)};
  }

  std::int64_t rows = 0, block = kRows;

  [[nodiscard]] std::int64_t count() const { return (rows + block - 1) / block; }

  /// The rows before unit `unit`, blocks being numbered through all slices.
  [[nodiscard]] std::int64_t rows_before(std::int64_t unit) const {
    return unit / count() * rows + std::min(unit % count() * block, rows);
  }
  [[nodiscard]] RowRange rows_of(RowRange units) const {
    return {rows_before(units.begin), rows_before(units.end)};
  }

  /// The blocks that lie within `range`, whose ends are ends of blocks.
  [[nodiscard]] RowRange units_of(RowRange range) const {
    const auto before = [&](std::int64_t row) { return row / rows * count() + (row % rows + block - 1) / block; };
    return range.empty() ? RowRange{} : RowRange{before(range.begin), before(range.end)};
  }

  /// Even shares of the blocks of all slices.
  [[nodiscard]] RowRange share(std::int64_t slices, std::int64_t parts, std::int64_t part) const {
    return rows_of(even_range(slices * count(), parts, part));
  }

  bool operator==(const SumBlocks&) const = default;
};

/// Least rows of a block whose sums take about as long to add as to make: moments, and key gradients of order 1.
inline constexpr std::int64_t kMomentBlock = 256;

/// Blocks [index << level, (index + 1) << level) of a slice.
struct SumNode {
  std::int64_t slice = 0, level = 0, index = 0;
  [[nodiscard]] bool follows(const SumNode& left) const {
    return slice == left.slice && level == left.level && index == left.index + 1 && left.index % 2 == 0;
  }
  [[nodiscard]] SumNode parent() const { return {slice, level + 1, index / 2}; }
  bool operator==(const SumNode&) const = default;
};

/// The nodes that a rank with these units is left with, in ascending order.
[[nodiscard]] std::vector<SumNode> sum_nodes(RowRange units, std::int64_t count);

}  // namespace tattn::plan
