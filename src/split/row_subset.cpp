#include "split/row_subset.hpp"

#include <algorithm>

namespace tattn::split {
namespace {

/// How many of the heavy rows stand before `row`.
std::int64_t heavy_before(const std::vector<std::int64_t>& heavy, std::int64_t row) {
  return std::lower_bound(heavy.begin(), heavy.end(), row) - heavy.begin();
}

}  // namespace

RowSubset::RowSubset(RowRange held, const std::vector<std::int64_t>& heavy, plan::RowSet set) : rows_(held) {
  if (held.empty()) {
    rows_ = {0, 0};
    return;
  }
  if (set == plan::RowSet::all || (set == plan::RowSet::light && heavy.empty())) return;
  const RowRange among_heavy{heavy_before(heavy, held.begin), heavy_before(heavy, held.end)};
  const bool take_heavy = set == plan::RowSet::heavy;
  rows_ = take_heavy ? among_heavy : RowRange{held.begin - among_heavy.begin, held.end - among_heavy.end};
  whole_ = false;
  auto next = heavy.begin() + among_heavy.begin;
  for (std::int64_t row = held.begin; row < held.end; ++row) {
    const bool is_heavy = next != heavy.end() && *next == row;
    if (is_heavy) ++next;
    if (is_heavy == take_heavy) index_.push_back(row - held.begin);
  }
}

template <class T>
Block<const T> RowSubset::gather(const T* from, std::int64_t columns, std::vector<T>& memory) const {
  if (whole_) return {from, rows_};
  memory.resize(static_cast<std::size_t>(rows_.size() * columns));
  for (std::int64_t x = 0; x < rows_.size(); ++x)
    std::copy_n(from + local(x) * columns, columns, memory.data() + x * columns);
  return {memory.data(), rows_};
}

template <class T>
void RowSubset::add(const T* part, std::int64_t columns, T* to) const {
  for (std::int64_t x = 0; x < rows_.size(); ++x)
    for (std::int64_t c = 0; c < columns; ++c) to[local(x) * columns + c] += part[x * columns + c];
}

template Block<const float> RowSubset::gather(const float*, std::int64_t, std::vector<float>&) const;
template Block<const double> RowSubset::gather(const double*, std::int64_t, std::vector<double>&) const;
template void RowSubset::add(const float*, std::int64_t, float*) const;
template void RowSubset::add(const double*, std::int64_t, double*) const;

}  // namespace tattn::split
