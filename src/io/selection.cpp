#include "io/selection.hpp"

#include <functional>
#include <numeric>

namespace tattn::io {
namespace {

/// Cuts rows [rows.begin, rows.end), counted inside the box given so far, along `axis` and those after it.
void cut(const std::vector<std::int64_t>& dims, std::size_t axis, RowRange rows, Box box, std::vector<Box>& out) {
  std::int64_t stride = 1;  // rows of one index of this axis
  for (std::size_t a = axis + 1; a < dims.size(); ++a) stride *= dims[a];
  std::int64_t first = rows.begin / stride;
  const std::int64_t head = rows.begin % stride, last = rows.end / stride, tail = rows.end % stride;
  const auto narrow = [&](std::int64_t start, std::int64_t count) {
    box.start[axis] = static_cast<hsize_t>(start);
    box.count[axis] = static_cast<hsize_t>(count);
    return box;
  };
  if (first == last) return cut(dims, axis + 1, {head, tail}, narrow(first, 1), out);
  if (head > 0) {
    cut(dims, axis + 1, {head, stride}, narrow(first, 1), out);
    ++first;
  }
  if (last > first) out.push_back(narrow(first, last - first));
  if (tail > 0) cut(dims, axis + 1, {0, tail}, narrow(last, 1), out);
}

Handle make_space(const std::vector<hsize_t>& dims) {
  return {TATTN_H5(H5Screate_simple, static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose};
}

}  // namespace

std::int64_t Box::rows() const {
  return static_cast<std::int64_t>(std::accumulate(count.begin(), count.end(), hsize_t{1}, std::multiplies<>()));
}

std::vector<Box> row_boxes(const std::vector<std::int64_t>& row_dims, RowRange rows) {
  std::vector<Box> boxes;
  if (rows.empty()) return boxes;
  const std::vector<hsize_t> whole(row_dims.begin(), row_dims.end());
  cut(row_dims, 0, rows, {std::vector<hsize_t>(whole.size(), 0), whole}, boxes);
  return boxes;
}

Selection select_box(const DatasetShape& shape, const std::optional<Box>& box) {
  const std::vector<std::int64_t> dims = shape.dims();
  Selection selection{make_space({dims.begin(), dims.end()}), Handle()};
  if (!box) {
    selection.memory = make_space({1});
    TATTN_H5(H5Sselect_none, selection.file.get());
    TATTN_H5(H5Sselect_none, selection.memory.get());
    return selection;
  }
  std::vector<hsize_t> start = box->start, count = box->count;
  if (shape.columns != 0) {
    start.push_back(0);
    count.push_back(static_cast<hsize_t>(shape.columns));
  }
  TATTN_H5(H5Sselect_hyperslab, selection.file.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  selection.memory = make_space(count);
  return selection;
}

}  // namespace tattn::io
