#pragma once
#include <cstdint>
#include <vector>

#include "tattn/operands.hpp"

namespace tattn::exact {

/// Softmax sums of query rows in double, mergeable: row i stands for 2^top * (sums of V, normaliser).
class SoftmaxRows {
 public:
  /// No tuple seen yet in any row.
  SoftmaxRows(std::int64_t rows, std::int64_t value_dim);

  /// Columns of a row in data(): value_dim sums, the normaliser, top.
  [[nodiscard]] std::int64_t columns() const { return value_dim_ + 2; }
  [[nodiscard]] const double* data() const { return data_.data(); }

  /// Adds to `row` the sums sum[m * stride], m = 0..value_dim, in units of 2^top. Does nothing where the
  /// normaliser is zero (no tuple was seen).
  void merge(std::int64_t row, double top, const double* sum, std::int64_t stride);

  /// O = sums / normaliser and LSE = ln 2 * (top + log2(normaliser)) of rows [0, rows) into out.
  template <class T>
  void finish(const Output<T>& out) const;

 private:
  std::int64_t rows_, value_dim_;
  std::vector<double> data_;
};

}  // namespace tattn::exact
