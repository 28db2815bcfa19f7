#pragma once
#include <vector>

#include "io/dataset_shape.hpp"
#include "io/hdf5.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

/// A hyperslab of whole rows: start and count along (leading..., rows).
struct Box {
  std::vector<hsize_t> start, count;
};

/// The fewest boxes that make up a contiguous range of flattened rows, at most 2 * dims - 1 of them,
/// in ascending order of their rows.
///
///     dims (3, 4), rows [2, 9):   . . x x     one box for the end of slice 0,
///                                 x x x x     one for whole slices,
///                                 x . . .     one for the beginning of the last
[[nodiscard]] std::vector<Box> row_boxes(const std::vector<std::int64_t>& row_dims, RowRange rows);

/// The dataspace of the whole dataset with the given flattened rows selected, and one of the same rows
/// contiguous in memory. Nothing is selected where `rows` is empty.
struct Selection {
  Handle file, memory;
};
[[nodiscard]] Selection select_rows(const DatasetShape& shape, RowRange rows);

}  // namespace tattn::io
