#include "plan/dense_layout.hpp"

#include <algorithm>

namespace tattn::plan {
namespace {

/// Blocks as large as products like them, but small enough that every process gets one of a short dimension.
constexpr std::int64_t kMostInABlock = 64;

constexpr std::int64_t kMostTuples = std::int64_t{1}
                                     << 60;  // more than any memory holds, and safe to calculate with

std::int64_t even_block(std::int64_t count, int parts) {
  return std::max<std::int64_t>(1, (count + parts - 1) / parts);
}

Deal cyclic(std::int64_t count, int parts) {
  return {count, std::min(kMostInABlock, even_block(count, parts)), parts};
}

}  // namespace

std::int64_t Deal::size(int part) const {
  const std::int64_t whole = count / block, each = whole / parts, left = whole % parts;
  if (part < left) return (each + 1) * block;
  return each * block + (part == left ? count % block : 0);
}

std::int64_t Deal::global(int part, std::int64_t local) const {
  return (local / block * parts + part) * block + local % block;
}

Deal DenseLayout::weight_rows() const {
  return cyclic(rows, grid_rows);
}
Deal DenseLayout::weight_columns() const {
  return cyclic(tuples, grid_columns);
}
Deal DenseLayout::product_rows() const {
  return cyclic(tuples, grid_rows);
}
Deal DenseLayout::product_columns(std::int64_t columns) const {
  return cyclic(columns, grid_columns);
}
Deal DenseLayout::panel_rows() const {
  return {rows, even_block(rows, grid_rows), grid_rows};
}
Deal DenseLayout::panel_columns(std::int64_t columns) const {
  return {columns, columns, grid_columns};
}

DenseLayout dense_layout(const Shape& shape, int ranks) {
  DenseLayout layout;
  layout.rows = shape.rows;
  layout.tuples = 1;
  for (int u = 0; u < shape.order; ++u) {
    const std::int64_t keys = shape.key_rows[static_cast<std::size_t>(u)];
    layout.tuples = layout.tuples > kMostTuples / keys ? kMostTuples : layout.tuples * keys;
  }
  int shorter = 1;
  for (int side = 2; side * side <= ranks && side <= std::min(layout.rows, layout.tuples); ++side)
    if (ranks % side == 0) shorter = side;
  const bool wide = layout.rows <= layout.tuples;
  layout.grid_rows = wide ? shorter : ranks / shorter;
  layout.grid_columns = ranks / layout.grid_rows;
  return layout;
}

}  // namespace tattn::plan
