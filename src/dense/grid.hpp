#pragma once
#include <vector>

#include "comm/communicator.hpp"
#include "comm/fatal_communicator.hpp"
#include "plan/dense_layout.hpp"

namespace tattn::dense {

/// A BLACS grid of all ranks of a communicator, in row order. Making and destroying it is collective; the
/// communicator stays the caller's (the grid works on a duplicate).
class Grid {
 public:
  Grid(const Communicator& comm, const plan::DenseLayout& layout);
  ~Grid();
  Grid(const Grid&) = delete;
  Grid& operator=(const Grid&) = delete;

  [[nodiscard]] int context() const { return context_; }
  [[nodiscard]] int row() const { return row_; }  ///< of this process in the grid
  [[nodiscard]] int column() const { return column_; }
  [[nodiscard]] int rows() const { return rows_; }  ///< of the grid
  [[nodiscard]] int columns() const { return columns_; }

  /// The vectors of all processes of this process row, one after the other; all have the same size. Collective
  /// over the process row.
  [[nodiscard]] std::vector<double> gather_in_row(const std::vector<double>& mine) const;

 private:
  FatalCommunicator comm_;
  int system_ = -1, context_ = -1;
  int rows_ = 1, columns_ = 1, row_ = 0, column_ = 0;
};

}  // namespace tattn::dense
