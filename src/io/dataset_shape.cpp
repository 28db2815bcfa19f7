#include "io/dataset_shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <numeric>

namespace tattn::io {

std::vector<std::int64_t> DatasetShape::row_dims() const {
  std::vector<std::int64_t> result = leading;
  result.push_back(rows);
  return result;
}

std::vector<std::int64_t> DatasetShape::dims() const {
  std::vector<std::int64_t> result = row_dims();
  if (columns != 0) result.push_back(columns);
  return result;
}

std::int64_t DatasetShape::total_rows() const {
  return std::accumulate(leading.begin(), leading.end(), rows, std::multiplies<>());
}

std::string format_dims(const std::vector<std::int64_t>& dims) {
  return fmt::format("({}{})", fmt::join(dims, ", "), dims.size() == 1 ? "," : "");
}

std::string format_row(const DatasetShape& shape, std::int64_t flattened) {
  std::vector<std::int64_t> index = shape.row_dims();
  for (std::size_t axis = index.size(); axis-- > 0;) {
    const std::int64_t extent = index[axis];
    index[axis] = flattened % extent;
    flattened /= extent;
  }
  return index.size() == 1 ? fmt::format("{}", index[0]) : fmt::format("[{}]", fmt::join(index, ","));
}

}  // namespace tattn::io
