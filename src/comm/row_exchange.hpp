#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/operands.hpp"

namespace tattn {

/// Rows `wanted` of a distributed row-major matrix, whoever holds them. Ranges wanted by different
/// ranks may overlap. Collective. Messages above 1 GiB are split.
///
///     before  rank 0 [0 1 2]   rank 1 [3 4]   rank 2 [5]
///     after   rank 0 wants [0 1 2 3 4 5]   rank 1 wants [2 3]   rank 2 wants []
template <class T>
[[nodiscard]] std::vector<T> fetch_rows(const Communicator& comm, Block<const T> mine, RowRange wanted,
                                        std::int64_t columns);

/// The same without a copy where every rank already holds what it wants: then a view of the caller's rows.
template <class T>
class FetchedRows {
 public:
  FetchedRows(const Communicator& comm, Block<const T> mine, RowRange wanted, std::int64_t columns) {
    const bool here = wanted.empty() || intersect(mine.rows, wanted) == wanted;
    if (comm.all(here)) {
      data_ = wanted.empty() ? nullptr : mine.data + (wanted.begin - mine.rows.begin) * columns;
    } else {
      copy_ = fetch_rows(comm, mine, wanted, columns);
      data_ = copy_.data();
    }
  }
  [[nodiscard]] const T* data() const { return data_; }

 private:
  std::vector<T> copy_;
  const T* data_ = nullptr;
};

/// The same into the caller's rows: `to` gets its rows of what the ranks hold. Collective.
template <class T>
void move_rows(const Communicator& comm, Block<const T> held, Block<T> to, std::int64_t columns) {
  const FetchedRows<T> rows(comm, held, to.rows, columns);
  std::copy_n(rows.data(), to.rows.size() * columns, to.data);
}

/// The adjoint of fetch_rows: every rank holds partial sums for rows `held` (ranges may overlap); the
/// owner of a row gets the sum of all, added in rank order in double, so bitwise the same every time.
/// Writes mine.data whole. Collective.
template <class T>
void sum_rows(const Communicator& comm, const double* partial, RowRange held, Block<T> mine, std::int64_t columns);

}  // namespace tattn
