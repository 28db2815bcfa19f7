#include "dense/grid.hpp"

#include <algorithm>

#include "dense/scalapack.hpp"

namespace tattn::dense {

Grid::Grid(const Communicator& comm, const plan::DenseLayout& layout)
    : comm_(comm), system_(Csys2blacs_handle(comm_.handle())), context_(system_) {
  Cblacs_gridinit(&context_, "Row", layout.grid_rows, layout.grid_columns);
  Cblacs_gridinfo(context_, &rows_, &columns_, &row_, &column_);
}

Grid::~Grid() {
  Cblacs_gridexit(context_);
  Cfree_blacs_system_handle(system_);
}

std::vector<double> Grid::gather_in_row(const std::vector<double>& mine) const {
  const std::size_t size = mine.size();
  std::vector<double> all(size * static_cast<std::size_t>(columns_), 0.0);
  std::copy(mine.begin(), mine.end(), all.begin() + static_cast<std::ptrdiff_t>(size) * column_);
  // The others add zeros to a process's part, so the sum is the part. (BLACS' own maximum is one of magnitudes.)
  if (size > 0)
    Cdgsum2d(context_, "Row", " ", static_cast<int>(size), columns_, all.data(), static_cast<int>(size), -1, -1);
  return all;
}

}  // namespace tattn::dense
