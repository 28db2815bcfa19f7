#pragma once
#include <optional>
#include <vector>

#include "io/dataset_shape.hpp"
#include "io/hdf5.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

/// A hyperslab of whole rows: start and count along (leading..., rows).
struct Box {
  std::vector<hsize_t> start, count;

  [[nodiscard]] std::int64_t rows() const;
};

/// The fewest boxes that make up a contiguous range of flattened rows, at most 2 * dims - 1 of them,
/// in ascending order of their rows.
///
///     dims (3, 4), rows [2, 9):   . . x x     one box for the end of slice 0,
///                                 x x x x     one for whole slices,
///                                 x . . .     one for the beginning of the last
[[nodiscard]] std::vector<Box> row_boxes(const std::vector<std::int64_t>& row_dims, RowRange rows);

/// The dataspace of the whole dataset with one box selected, and one of the box alone, contiguous in memory.
/// Nothing is selected without a box.
struct Selection {
  Handle file, memory;
};
[[nodiscard]] Selection select_box(const DatasetShape& shape, const std::optional<Box>& box);

}  // namespace tattn::io
