#pragma once
#include <atomic>
#include <cmath>
#include <vector>

#include "polynomial/row_result.hpp"
#include "tattn/operands.hpp"

namespace tattn::polynomial {

/// O = N[:, :dv] / N[:, dv] and LSE = log N[:, dv], made where all of a row's N is: on the rank that works on it,
/// or, with feature groups, on the one that holds it.
template <class T>
class OutputRows {
 public:
  /// Collective.
  OutputRows(const Communicator& comm, const plan::Grid& grid, std::int64_t value_dim, RowRange worked,
             RowRange held, const Output<T>& out)
      : in_parts_(grid.features > 1),
        value_dim_(value_dim),
        held_(held.size()),
        output_(comm, {}, in_parts_ ? held : worked, {out.output, held}, value_dim),
        lse_(comm, {}, in_parts_ ? held : worked, {out.lse, held}, 1),
        sums_(static_cast<std::size_t>(in_parts_ ? held_ * (value_dim + 1) : 0)),
        parts_(comm, grid, in_parts_ ? worked : RowRange{}, {sums_.data(), in_parts_ ? held : RowRange{}},
               value_dim + 1) {}

  /// Rows first, first + 1, .. of this rank's part of N, which are overwritten. From any thread.
  void put(std::int64_t first, std::int64_t rows, double* sums) {
    if (in_parts_)
      parts_.put(first, rows, sums, value_dim_ + 1);
    else
      finish(first, rows, sums);
  }

  /// False where a normaliser of this rank's is not positive and finite. Collective.
  [[nodiscard]] bool deliver() {
    if (in_parts_) {
      parts_.deliver();
      finish(0, held_, sums_.data());
    }
    output_.deliver();
    lse_.deliver();
    return positive_;
  }

 private:
  void finish(std::int64_t first, std::int64_t rows, double* sums) {
    for (std::int64_t i = 0; i < rows; ++i) {
      double* row = sums + i * (value_dim_ + 1);
      if (!(row[value_dim_] > 0) || std::isinf(row[value_dim_])) positive_ = false;  // nor overflown
      const double share = 1 / row[value_dim_];
      for (std::int64_t m = 0; m < value_dim_; ++m) row[m] *= share;
      row[value_dim_] = std::log(row[value_dim_]);
    }
    output_.put(first, rows, sums, value_dim_ + 1);
    lse_.put(first, rows, sums + value_dim_, value_dim_ + 1);
  }

  bool in_parts_;
  std::int64_t value_dim_, held_;
  std::atomic<bool> positive_ = true;
  RowResult<T> output_, lse_;
  std::vector<double> sums_;  ///< N of the rows held, with feature groups
  RowResult<double> parts_;
};

}  // namespace tattn::polynomial
