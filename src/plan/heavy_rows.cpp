#include "plan/heavy_rows.hpp"

#include <algorithm>

namespace tattn::plan {
namespace {

std::int64_t size_of(RowSet set, std::int64_t rows, std::int64_t heavy) {
  return set == RowSet::all ? rows : set == RowSet::heavy ? heavy : rows - heavy;
}

}  // namespace

bool HeavyRows::any() const {
  return std::any_of(counts.begin(), counts.end(), [](std::int64_t count) { return count > 0; });
}

TuplePart light_part() {
  TuplePart part;
  part.rows.fill(RowSet::light);
  return part;
}

std::vector<TuplePart> exact_parts(const Shape& shape, const HeavyCounts& counts) {
  std::vector<TuplePart> parts;
  const auto add = [&](const TuplePart& part) {
    if (has_tuples(part_shape(shape, counts, part))) parts.push_back(part);
  };
  TuplePart part;
  part.rows.fill(RowSet::all);
  part.rows[0] = RowSet::heavy;
  add(part);
  part.rows[0] = RowSet::light;
  for (std::size_t u = 1; u <= static_cast<std::size_t>(shape.order); ++u) {
    part.rows[u] = RowSet::heavy;
    add(part);
    part.rows[u] = RowSet::light;
  }
  return parts;
}

Shape part_shape(const Shape& shape, const HeavyCounts& counts, const TuplePart& part) {
  Shape result = shape;
  result.rows = size_of(part.rows[0], shape.rows, counts[0]);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    result.key_rows[u] = size_of(part.rows[u + 1], shape.key_rows[u], counts[u + 1]);
  return result;
}

bool has_tuples(const Shape& shape) {
  return shape.rows > 0 && std::all_of(shape.key_rows.begin(), shape.key_rows.begin() + shape.order,
                                       [](std::int64_t rows) { return rows > 0; });
}

}  // namespace tattn::plan
