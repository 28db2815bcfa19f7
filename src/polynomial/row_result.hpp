#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "comm/row_exchange.hpp"
#include "plan/grid.hpp"

namespace tattn::polynomial {

/// Rows of one result on their way from the rank that works on them to the one that holds them. With feature groups
/// what a rank works out is a part of the sum over all features.
///
///     before  ranks (a,f) and (a,g): parts of rows a      one feature group: rows a whole
///     after   each holder: its rows, the sum of the parts in rank order
template <class T>
class RowResult {
 public:
  /// `worked`: the rows this rank works on; `held`: where its own go. Collective.
  RowResult(const Communicator& comm, const plan::Grid& grid, RowRange worked, Block<T> held, std::int64_t columns)
      : comm_(comm), worked_(worked), held_(held), columns_(columns), in_parts_(grid.features > 1) {
    in_place_ = !in_parts_ && comm.all(worked == held.rows || (worked.empty() && held.rows.empty()));
    const auto entries = static_cast<std::size_t>(worked.size() * columns);
    if (in_parts_)
      parts_.resize(entries);
    else if (!in_place_)
      rows_.resize(entries);
    to_ = in_place_ ? held.data : rows_.data();
  }

  /// Writes rows first, first + 1, .. of those worked on, read `stride` entries apart. From any thread.
  void put(std::int64_t first, std::int64_t rows, const double* from, std::int64_t stride) {
    for (std::int64_t i = 0; i < rows; ++i, from += stride)
      if (in_parts_)
        std::copy_n(from, columns_, parts_.data() + (first + i) * columns_);
      else
        std::transform(from, from + columns_, to_ + (first + i) * columns_,
                       [](double x) { return static_cast<T>(x); });
  }

  /// After all rows are put: writes the rows held, whole. Collective.
  void deliver() {
    if (in_parts_) {
      sum_rows(comm_, parts_.data(), worked_, held_, columns_);
    } else if (!in_place_) {
      move_rows<T>(comm_, {rows_.data(), worked_}, held_, columns_);
    }
    parts_ = {};
    rows_ = {};
  }

 private:
  const Communicator& comm_;
  RowRange worked_;
  Block<T> held_;
  std::int64_t columns_;
  bool in_parts_, in_place_ = false;
  std::vector<double> parts_;
  std::vector<T> rows_;
  T* to_ = nullptr;
};

}  // namespace tattn::polynomial
