#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/aligned.hpp"
#include "kernels/exact.hpp"
#include "kernels/panels.hpp"
#include "kernels/polynomial.hpp"

namespace tattn::polynomial {

/// Rows of one operand and the columns that multiply its features, packed for the kernels.
template <class T>
class RowBlock {
 public:
  /// Room for `capacity` rows of `dim` columns and `columns` multiplying ones.
  RowBlock(std::int64_t capacity, std::int64_t dim, std::int64_t columns)
      : width_(kernels::panel_width<T>()),
        dim_(dim),
        columns_(columns),
        stride_(kernels::moment_stride<T>(columns)),
        capacity_(kernels::round_up(capacity, width_)),
        x_(kernels::aligned_array<T>(capacity_ * dim)),
        value_(kernels::aligned_array<T>(capacity_ * columns)) {}

  /// Packs `rows` rows of x times `factor`.
  void pack_x(const T* x, double factor, std::int64_t rows) {
    rows_ = rows;
    kernels::pack_panels(x, rows, dim_, factor, width_, dim_, x_.get());
  }

  /// Packs as many rows of `value`, row-major with `value_columns` columns; a further column is `last` in every
  /// row.
  void pack_value(const T* value, std::int64_t value_columns, T last) {
    kernels::pack_panels(value, rows_, value_columns, 1.0, width_, columns_, value_.get());
    if (value_columns < columns_) fill_last(last);
  }

  /// The same as moments need it: the leading columns in rows, the others in panels.
  void pack_value_rows(const T* value, std::int64_t value_columns, T last) {
    for (std::int64_t c = stride_; c < value_columns; ++c)
      for (std::int64_t i = 0; i < panels() * width_; ++i)
        value_[in_panels(i, c)] = i < rows_ ? value[i * value_columns + c] : T{0};
    if (value_columns < columns_ && stride_ < columns_) fill_last(last);
    if (stride_ > 0 && value_rows_ == nullptr) value_rows_ = kernels::aligned_array<T>(capacity_ * stride_);
    for (std::int64_t i = 0; i < rows_; ++i) {
      T* to = value_rows_.get() + i * stride_;
      std::copy_n(value + i * value_columns, std::min(value_columns, stride_), to);
      if (value_columns < std::min(columns_, stride_)) to[value_columns] = last;
    }
    std::fill(value_rows_.get() + rows_ * stride_, value_rows_.get() + panels() * width_ * stride_, T{0});
  }

  [[nodiscard]] std::int64_t panels() const { return kernels::ceil_div(rows_, width_); }
  [[nodiscard]] kernels::RowPanels<T> view() const {
    return {panels(), dim_, columns_, x_.get(), value_.get(), value_rows_.get()};
  }

 private:
  [[nodiscard]] std::size_t in_panels(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(((row / width_) * columns_ + column) * width_ + row % width_);
  }

  void fill_last(T last) {
    for (std::int64_t i = 0; i < panels() * width_; ++i)
      value_[in_panels(i, columns_ - 1)] = i < rows_ ? last : T{0};
  }

  std::int64_t width_, dim_, columns_, stride_, capacity_, rows_ = 0;
  kernels::AlignedArray<T> x_, value_, value_rows_;
};

}  // namespace tattn::polynomial
