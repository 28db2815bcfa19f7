#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "dense/grid.hpp"

namespace tattn::dense {

/// A matrix dealt over a grid in blocks, this process's part column-major: what ScaLAPACK works on. Zero at first.
class Matrix {
 public:
  Matrix(const Grid& grid, plan::Deal rows, plan::Deal columns);

  [[nodiscard]] std::int64_t rows() const { return rows_.count; }  ///< of the whole matrix
  [[nodiscard]] std::int64_t columns() const { return columns_.count; }
  [[nodiscard]] std::int64_t local_rows() const { return local_rows_; }
  [[nodiscard]] std::int64_t local_columns() const { return local_columns_; }

  /// Where a local row or column is in the whole matrix.
  [[nodiscard]] std::int64_t row(std::int64_t local) const { return rows_.global(grid_row_, local); }
  [[nodiscard]] std::int64_t column(std::int64_t local) const { return columns_.global(grid_column_, local); }

  [[nodiscard]] double* local_column(std::int64_t j) { return entries_.data() + j * local_rows_; }
  [[nodiscard]] const double* local_column(std::int64_t j) const { return entries_.data() + j * local_rows_; }
  [[nodiscard]] double* data() { return entries_.data(); }
  [[nodiscard]] const double* data() const { return entries_.data(); }
  [[nodiscard]] const int* descriptor() const { return descriptor_.data(); }

  /// The local part row by row, times `factor`; empty where the process has no column.
  void set_rows(const std::vector<double>& rows, double factor = 1);
  [[nodiscard]] std::vector<double> get_rows() const;

  void scale(double factor);

 private:
  plan::Deal rows_, columns_;
  int grid_row_, grid_column_;
  std::int64_t local_rows_, local_columns_;
  std::array<int, 9> descriptor_{};
  std::vector<double> entries_;
};

/// The same where every rank throws Error(Status::failed) when one has no memory for it. Collective.
[[nodiscard]] Matrix make_matrix(const Communicator& comm, const Grid& grid, plan::Deal rows, plan::Deal columns);

enum class Op : char { as_is = 'N', transposed = 'T' };

/// c = op(a) op(b). Collective over the grid.
void multiply(Op op_a, const Matrix& a, Op op_b, const Matrix& b, Matrix& c);

}  // namespace tattn::dense
