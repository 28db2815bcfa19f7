#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::training {

/// What is trained: weights X1 .. X(t+1), Y1 .. Yt of a layer whose inputs A1 .. A(2t+1) are given,
///
///     Q = A1 X1     K_u = A(u+1) X(u+1)     V_u = A(t+1+u) Y_u     loss = 0.5 || O - E ||_F^2
struct TrainingProblem {
  Problem attention;           ///< of the projected Q, K_u, V_u; one slice
  std::int64_t model_dim = 0;  ///< a, the columns of every A and the rows of every X and Y
};

/// This rank's rows of A1 (query), A(u+1) (key[u]), A(t+1+u) (value[u]), model_dim columns each, and of E (target,
/// value_dim columns). A1 and E share query_rows, a key and its value share key_rows. Over the ranks each row is
/// there once; a rank may have none.
template <class T>
struct ProblemRows {
  RowRange query_rows;
  std::array<RowRange, kMaxOrder> key_rows{};
  std::vector<T> query, target;
  std::array<std::vector<T>, kMaxOrder> key, value;

  [[nodiscard]] Operands<T> views() const;
};

/// One weight within the flat array that holds all of them.
struct WeightView {
  std::string name;  ///< "X1", .., "Y1", ..
  std::int64_t offset = 0, rows = 0, columns = 0;

  [[nodiscard]] std::int64_t size() const { return rows * columns; }
  [[nodiscard]] std::int64_t end() const { return offset + size(); }
};

/// X1 .. X(t+1) (a x d), then Y1 .. Yt (a x dv): where each lies, row-major, in one flat array without gaps.
/// Weights are in double for files of both types, as a step of an optimiser may be lost in float, and replicated.
[[nodiscard]] std::vector<WeightView> weight_views(const TrainingProblem& problem);

/// Entries of all weights together.
[[nodiscard]] std::int64_t weight_count(const TrainingProblem& problem);

}  // namespace tattn::training
