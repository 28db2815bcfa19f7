#include "exact/key_space.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/panels.hpp"
#include "plan/partition.hpp"

namespace tattn::exact {

using kernels::kHeight;

template <class T>
SliceKeys<T>::SliceKeys(const Shape& shape, const std::array<const T*, kMaxOrder>& keys,
                        const std::array<const T*, kMaxOrder>& values)
    : dim(shape.dim), value_dim(shape.value_dim), rows(shape.key_rows), key(keys), value(values) {
  for (int u = 1; u < shape.order; ++u)
    if (rows[static_cast<std::size_t>(u)] >= inner_rows()) inner = u;
  for (int u = 0; u < shape.order; ++u)
    if (u != inner) outer.push_back(u);
}

template <class T>
std::int64_t SliceKeys<T>::outer_tuples() const {
  std::int64_t tuples = 1;
  for (const int u : outer) tuples *= rows[static_cast<std::size_t>(u)];
  return tuples;
}

KeyBox part_of(const KeyBox& box, std::int64_t parts, std::int64_t part) {
  const auto cut = [](RowRange range, std::int64_t n, std::int64_t p) {
    const RowRange piece = even_range(range.size(), n, p);
    return RowRange{range.begin + piece.begin, range.begin + piece.end};
  };
  const auto [across, along] = plan::key_cuts(box.outer.size(), parts);
  if (part >= across * along) return {{0, 0}, {0, 0}};
  return {cut(box.outer, across, part % across), cut(box.inner, along, part / across)};
}

template <class T>
RowRange touched_rows(const SliceKeys<T>& keys, RowRange tuples, std::size_t position) {
  std::int64_t stride = 1;
  for (std::size_t p = keys.outer.size() - 1; p > position; --p)
    stride *= keys.rows[static_cast<std::size_t>(keys.outer[p])];
  const std::int64_t rows = keys.rows[static_cast<std::size_t>(keys.outer[position])];
  const std::int64_t first = tuples.begin / stride, last = (tuples.end - 1) / stride;  // before wrapping around
  if (tuples.empty()) return {0, 0};
  if (first / rows != last / rows) return {0, rows};
  return {first % rows, last % rows + 1};
}

template <class T>
OuterTuples<T>::OuterTuples(const SliceKeys<T>& keys)
    : keys_(keys),
      key_(static_cast<std::size_t>(kCapacity * keys.dim)),
      value_(static_cast<std::size_t>(kCapacity * (keys.value_dim + 1))),
      largest_(static_cast<std::size_t>(kCapacity)),
      rows_(static_cast<std::size_t>(kCapacity) * std::max<std::size_t>(1, keys.outer.size())) {}

template <class T>
bool OuterTuples<T>::take(RowRange& left, std::int64_t last_row) {
  size_ = 0;
  while (size_ < kCapacity && !left.empty()) append(left.begin++, last_row);
  return size_ > 0;
}

template <class T>
void OuterTuples<T>::append(std::int64_t tuple, std::int64_t last_row) {
  const std::size_t at = static_cast<std::size_t>(size_), positions = keys_.outer.size();
  std::int64_t largest = 0;
  for (std::size_t p = positions; p-- > 0;) {
    const std::int64_t rows = keys_.rows[static_cast<std::size_t>(keys_.outer[p])];
    rows_[at * positions + p] = tuple % rows;
    largest = std::max(largest, tuple % rows);
    tuple /= rows;
  }
  if (largest > last_row) return;
  T* key = key_.data() + size_ * keys_.dim;
  T* value = value_.data() + size_ * (keys_.value_dim + 1);
  std::fill_n(key, keys_.dim, T{1});
  std::fill_n(value, keys_.value_dim + 1, T{1});
  for (std::size_t p = 0; p < positions; ++p) {
    const auto u = static_cast<std::size_t>(keys_.outer[p]);
    const T* k = keys_.key[u] + rows_[at * positions + p] * keys_.dim;
    const T* v = keys_.value[u] + rows_[at * positions + p] * keys_.value_dim;
    for (std::int64_t l = 0; l < keys_.dim; ++l) key[l] *= k[l];
    for (std::int64_t m = 0; m < keys_.value_dim; ++m) value[m] *= v[m];
  }
  largest_[at] = largest;
  ++size_;
}

template <class T>
PackedInner<T>::PackedInner(const SliceKeys<T>& keys, std::int64_t capacity)
    : keys_(keys),
      key_(kernels::aligned_array<T>(kernels::round_up(capacity, kHeight) * keys.dim)),
      value_(kernels::aligned_array<T>(kernels::round_up(capacity, kHeight) * (keys.value_dim + 1))) {}

template <class T>
void PackedInner<T>::pack(RowRange rows) {
  const auto u = static_cast<std::size_t>(keys_.inner);
  const std::int64_t dim = keys_.dim, columns = keys_.value_dim + 1;
  const T* key = keys_.key[u] + rows.begin * dim;
  kernels::pack_panels(key, rows.size(), dim, 1.0, kHeight, dim, key_.get());
  kernels::pack_panels(keys_.value[u] + rows.begin * keys_.value_dim, rows.size(), keys_.value_dim, 1.0, kHeight,
                       columns, value_.get());
  for (std::int64_t k = 0; k < kernels::round_up(rows.size(), kHeight); ++k)
    value_[static_cast<std::size_t>((k / kHeight * columns + keys_.value_dim) * kHeight + k % kHeight)] =
        k < rows.size() ? T{1} : T{0};
  double largest = 0;
  for (std::int64_t k = 0; k < rows.size(); ++k) {
    double squares = 0;
    for (std::int64_t l = 0; l < dim; ++l)
      squares += static_cast<double>(key[k * dim + l]) * static_cast<double>(key[k * dim + l]);
    largest = std::max(largest, squares);
  }
  norm_ = static_cast<T>(std::sqrt(largest));
  rows_ = rows;
}

template <class T>
RowRange PackedInner<T>::rows_of(RowRange panels) const {
  return {rows_.begin + panels.begin * kHeight, std::min(rows_.begin + panels.end * kHeight, rows_.end)};
}

template <class T>
kernels::KeyTile<T> PackedInner<T>::with(const OuterTuples<T>& outer, std::int64_t first) const {
  return {outer.key(), outer.value(), key_.get() + first * kHeight * keys_.dim,
          value_.get() + first * kHeight * (keys_.value_dim + 1), norm_};
}

template struct SliceKeys<float>;
template struct SliceKeys<double>;
template class OuterTuples<float>;
template class OuterTuples<double>;
template class PackedInner<float>;
template class PackedInner<double>;
template RowRange touched_rows(const SliceKeys<float>&, RowRange, std::size_t);
template RowRange touched_rows(const SliceKeys<double>&, RowRange, std::size_t);

}  // namespace tattn::exact
