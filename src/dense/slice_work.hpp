#pragma once
#include "comm/communicator.hpp"
#include "dense/kronecker.hpp"
#include "dense/matrix.hpp"
#include "plan/dense_layout.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::dense {

/// One slice after the other on the grid: the matrices are made once and filled anew for each. Everything is in
/// double, whatever T. All members are collective. Order 1 is order 2 with one row of ones for K2 and V2.
template <class T>
class SliceWork {
  const Communicator& comm_;
  const Problem& problem_;
  const Operands<T>& operands_;
  plan::DenseLayout layout_;
  Grid grid_;

 public:
  /// Throws Error(Status::failed) on every rank when memory runs out. The operands stay the caller's.
  SliceWork(const Communicator& comm, const Problem& problem, const Operands<T>& operands);

  /// Gathers the slice's keys and forms S = scale Q (K1 (/) K2)^T in `weights`, -inf where causal hides a tuple.
  void load_scores(std::int64_t slice);

  /// Gathers the slice's values and forms V1 (/) V2 in `values`.
  void load_values();

  /// Flattened rows of Q that this process has in its panel; none outside of process column 0.
  [[nodiscard]] RowRange panel() const;
  /// Flattened rows of Q, and of K_u and V_u, of the slice.
  [[nodiscard]] RowRange query_rows() const;
  [[nodiscard]] RowRange key_rows(std::size_t u) const;

  /// Entries of the local rows of `weights` (process column 0 speaks for all) to the rows a rank owns.
  void deliver_rows(const std::vector<double>& local, Block<T> mine) const;

  /// Sums of all ranks for the factors of the product whose gradient is given, to the rows a rank owns.
  void deliver_factors(const Factors& factors, const Matrix& gradient,
                       const std::array<Block<T>, kMaxOrder>& mine) const;

  [[nodiscard]] const Grid& grid() const { return grid_; }
  [[nodiscard]] const Factors& key_factors() const { return key_factors_; }
  [[nodiscard]] const Factors& value_factors() const { return value_factors_; }

  /// A matrix over the grid like those below.
  [[nodiscard]] Matrix panels(std::int64_t columns) const;
  [[nodiscard]] Matrix products(std::int64_t columns) const;
  [[nodiscard]] Matrix all_weights() const;

  Matrix query;         ///< scale Q, n x d, in panels
  Matrix keys, values;  ///< K1 (/) K2, V1 (/) V2: N x d, N x dv
  Matrix weights;       ///< S, then P: n x N

 private:
  [[nodiscard]] Factors fetch_factors(const std::array<Block<const T>, kMaxOrder>& mine,
                                      std::int64_t columns) const;

  Factors key_factors_, value_factors_;
  std::int64_t slice_ = 0;
};

/// The part of a block that lies in `rows`; an empty part has no data.
template <class T>
[[nodiscard]] Block<T> within(Block<T> block, RowRange rows, std::int64_t columns) {
  const RowRange common = intersect(block.rows, rows);
  if (common.empty()) return {nullptr, {rows.begin, rows.begin}};
  return {block.data + (common.begin - block.rows.begin) * columns, common};
}

}  // namespace tattn::dense
