#include "dense/matrix.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "dense/scalapack.hpp"

namespace tattn::dense {
namespace {

constexpr int kZero = 0, kOne = 1;

}  // namespace

Matrix::Matrix(const Grid& grid, plan::Deal rows, plan::Deal columns)
    : rows_(rows),
      columns_(columns),
      grid_row_(grid.row()),
      grid_column_(grid.column()),
      local_rows_(rows.size(grid.row())),
      local_columns_(columns.size(grid.column())),
      entries_(static_cast<std::size_t>(local_rows_ * local_columns_), 0.0) {
  const int m = static_cast<int>(rows.count), n = static_cast<int>(columns.count);
  const int row_block = static_cast<int>(rows.block), column_block = static_cast<int>(columns.block);
  const int context = grid.context(), leading = static_cast<int>(std::max<std::int64_t>(1, local_rows_));
  int info = 0;
  descinit_(descriptor_.data(), &m, &n, &row_block, &column_block, &kZero, &kZero, &context, &leading, &info);
  if (info != 0) throw std::logic_error("descinit refuses argument " + std::to_string(-info));
}

void Matrix::set_rows(const std::vector<double>& rows, double factor) {
  for (std::int64_t j = 0; j < local_columns_; ++j)
    for (std::int64_t i = 0; i < local_rows_; ++i)
      local_column(j)[i] = factor * rows[static_cast<std::size_t>(i * local_columns_ + j)];
}

std::vector<double> Matrix::get_rows() const {
  std::vector<double> rows(entries_.size());
  for (std::int64_t j = 0; j < local_columns_; ++j)
    for (std::int64_t i = 0; i < local_rows_; ++i)
      rows[static_cast<std::size_t>(i * local_columns_ + j)] = local_column(j)[i];
  return rows;
}

void Matrix::scale(double factor) {
  for (double& entry : entries_) entry *= factor;
}

Matrix make_matrix(const Communicator& comm, const Grid& grid, plan::Deal rows, plan::Deal columns) {
  std::optional<Matrix> made;
  comm.agree([&] { made.emplace(grid, rows, columns); });
  return std::move(*made);
}

void multiply(Op op_a, const Matrix& a, Op op_b, const Matrix& b, Matrix& c) {
  const char first = static_cast<char>(op_a), second = static_cast<char>(op_b);
  const int m = static_cast<int>(c.rows()), n = static_cast<int>(c.columns());
  const int k = static_cast<int>(op_a == Op::as_is ? a.columns() : a.rows());
  const double one = 1, zero = 0;
  pdgemm_(&first, &second, &m, &n, &k, &one, a.data(), &kOne, &kOne, a.descriptor(), b.data(), &kOne, &kOne,
          b.descriptor(), &zero, c.data(), &kOne, &kOne, c.descriptor());
}

}  // namespace tattn::dense
