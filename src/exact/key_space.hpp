#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/aligned.hpp"
#include "kernels/exact.hpp"
#include "kernels/panels.hpp"
#include "tattn/problem.hpp"

namespace tattn::exact {

/// The keys and values of one slice, whole, and the roles they play: the longest key is the inner one, whose
/// rows stream through the kernels; tuples of the others' rows are the outer ones.
template <class T>
struct SliceKeys {
  SliceKeys(const Shape& shape, const std::array<const T*, kMaxOrder>& keys,
            const std::array<const T*, kMaxOrder>& values);

  std::int64_t dim, value_dim;
  int inner = 0;           ///< index of the inner key
  std::vector<int> outer;  ///< indices of the outer keys, slowest first
  std::array<std::int64_t, kMaxOrder> rows;
  std::array<const T*, kMaxOrder> key, value;

  [[nodiscard]] std::int64_t inner_rows() const { return rows[static_cast<std::size_t>(inner)]; }
  [[nodiscard]] std::int64_t outer_tuples() const;
};

/// A box of the key space: outer tuples (flattened, the last outer key fastest) times inner rows.
struct KeyBox {
  RowRange outer, inner;
};

/// Part `part` of `parts` of a box; parts are disjoint and cover it, some may be empty.
[[nodiscard]] KeyBox part_of(const KeyBox& box, std::int64_t parts, std::int64_t part);

/// Rows of outer key `position` (in SliceKeys::outer) that tuples of a flattened range touch.
template <class T>
[[nodiscard]] RowRange touched_rows(const SliceKeys<T>& keys, RowRange tuples, std::size_t position);

/// Up to kCapacity outer tuples in the form the kernels take.
template <class T>
class OuterTuples {
 public:
  static constexpr std::int64_t kCapacity = 128;

  explicit OuterTuples(const SliceKeys<T>& keys);

  /// Takes tuples from `left` until full or `left` is empty, leaving out those with a row above `last_row`.
  /// False when there was none left.
  bool take(RowRange& left, std::int64_t last_row);

  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] const T* key() const { return key_.data(); }      ///< [size][dim]: products over the outer keys
  [[nodiscard]] const T* value() const { return value_.data(); }  ///< [size][value_dim + 1]
  [[nodiscard]] const std::int64_t* largest_row() const { return largest_.data(); }
  [[nodiscard]] std::int64_t row(std::int64_t tuple, std::size_t position) const {
    return rows_[static_cast<std::size_t>(tuple) * keys_.outer.size() + position];
  }

 private:
  void append(std::int64_t tuple, std::int64_t last_row);

  const SliceKeys<T>& keys_;
  std::int64_t size_ = 0;
  std::vector<T> key_, value_;
  std::vector<std::int64_t> largest_, rows_;
};

/// Rows of the inner key and value, packed for the kernels.
template <class T>
class PackedInner {
 public:
  PackedInner(const SliceKeys<T>& keys, std::int64_t capacity);
  void pack(RowRange rows);
  [[nodiscard]] RowRange rows() const { return rows_; }
  /// Broadcast panels of the rows.
  [[nodiscard]] std::int64_t panels() const { return kernels::ceil_div(rows_.size(), kernels::kHeight); }
  /// Rows of the slice in a range of panels.
  [[nodiscard]] RowRange rows_of(RowRange panels) const;
  /// What a kernel takes: the outer tuples and the inner rows from panel `first` on.
  [[nodiscard]] kernels::KeyTile<T> with(const OuterTuples<T>& outer, std::int64_t first) const;

 private:
  const SliceKeys<T>& keys_;
  RowRange rows_;
  kernels::AlignedArray<T> key_, value_;
  T norm_ = 0;
};

}  // namespace tattn::exact
