#pragma once
#include <array>

#include "tattn/problem.hpp"

namespace tattn {

/// A view of this rank's rows of a row-major matrix that is distributed over the ranks of a
/// communicator: rows [rows.begin, rows.end) of the flattened (slices * rows) x columns matrix,
/// contiguous in memory. The caller owns the memory and keeps it alive during the call. `data` may
/// be null when `rows` is empty. Over the ranks the ranges of one matrix must cover each row once.
template <class T>
struct Block {
  T* data = nullptr;
  RowRange rows;
};

/// This rank's rows of Q (columns: dim), K_u (dim) and V_u (value_dim); entries from `order` on are
/// not looked at. Each matrix may be cut in its own way. `upstream`: dO of the query's rows, for make_plan alone:
/// the errors of sets of features are measured on gradients for it. Null: for a random one.
template <class T>
struct Operands {
  Block<const T> query;
  std::array<Block<const T>, kMaxOrder> key;
  std::array<Block<const T>, kMaxOrder> value;
  const T* upstream = nullptr;
};

/// Where forward puts this rank's rows of O (columns: value_dim) and LSE (one column), and where
/// gradient finds them. Rows are those of Operands::query.
template <class T>
struct Output {
  T* output = nullptr;
  T* lse = nullptr;
};

/// Where gradient puts this rank's rows of dQ, dK_u, dV_u; rows and columns are those of the
/// operand with the same name.
template <class T>
struct Gradients {
  T* query = nullptr;
  std::array<T*, kMaxOrder> key{};
  std::array<T*, kMaxOrder> value{};
};

}  // namespace tattn
