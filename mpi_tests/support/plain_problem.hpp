#pragma once
// Training problems that every rank knows: small, in double, and their slow twin.
#include "support/scatter.hpp"
#include "training/problem.hpp"

namespace tattn::test {

struct ProblemCase {
  training::TrainingProblem problem;
  Arrays in;  ///< A1 .. A(2t+1), X1 .. X(t+1), Y1 .. Yt, E

  [[nodiscard]] int order() const { return problem.attention.shape.order; }
  [[nodiscard]] std::vector<double> weights() const;  ///< flat, as training::weight_views says
};

/// Entries of deviation 1, weights of deviation 1 / sqrt(a), each a float.
ProblemCase random_problem(const Shape& shape, std::int64_t model_dim, std::uint64_t seed, bool causal = false);

/// This rank's rows.
template <class T>
training::ProblemRows<T> cut_problem(const ProblemCase& c, Cut cut, MPI_Comm comm) {
  training::ProblemRows<T> rows;
  const Shape& shape = c.problem.attention.shape;
  const auto part = [&](const std::string& name, RowRange some, std::int64_t columns) {
    const Matrix& all = c.in.at(name);
    return std::vector<T>(all.begin() + some.begin * columns, all.begin() + some.end * columns);
  };
  const auto cut_of = [&](std::int64_t n) { return cut_rows(cut, n, size_of_comm(comm), rank_of(comm)); };
  rows.query_rows = cut_of(shape.rows);
  rows.query = part("A1", rows.query_rows, c.problem.model_dim);
  rows.target = part("E", rows.query_rows, shape.value_dim);
  for (int u = 0; u < shape.order; ++u) {
    const RowRange mine = rows.key_rows[u] = cut_of(shape.key_rows[u]);
    rows.key[u] = part(numbered("A", u + 1), mine, c.problem.model_dim);
    rows.value[u] = part(numbered("A", u + 1 + shape.order), mine, c.problem.model_dim);
  }
  return rows;
}

/// Q = A1 X1, K_u = A(u+1) X(u+1), V_u = A(t+1+u) Y_u; dO is E.
Case projected(const ProblemCase& c);

/// The same problem of order 2 as attention of dim a^2 where the whole X stands in Q = A1 X: column b a + c of K1
/// is column b of A2, and of K2 column c of A3; V_u and dO those of `c`.
Case lifted(const ProblemCase& c, const Case& projected, const Matrix& x);

/// X = X1 (X2 (/) X3)^T.
Matrix whole_weight(const ProblemCase& c);

/// A^T g for matrices of `rows` rows.
Matrix transposed_product(const Matrix& a, const Matrix& g, std::int64_t rows);

/// 0.5 || O - E ||_F^2, E being the dO of the case, by the twin.
double plain_loss(const Case& c);

/// dX1 .., dY1 .. from the gradients dQ, dK1 .., dV1 .. of a case.
Arrays weight_gradients(const ProblemCase& c, const Arrays& gradients);

/// How far they may be off where the gradients of the operands, `gradients`, are within `bound`: |A|^T bound, and
/// the rounding of the sums in double.
Arrays weight_bound(ProblemCase c, const Arrays& gradients, Arrays bound);

}  // namespace tattn::test
