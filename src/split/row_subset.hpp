#pragma once
#include <cstdint>
#include <vector>

#include "plan/heavy_rows.hpp"
#include "tattn/operands.hpp"

namespace tattn::split {

/// The rows of a block that are in a set. The rows of a set over all ranks are a matrix of their own, in the order
/// they have in the operand: a rank's are neighbours in it, so nothing moves.
///
///     operand   rank 0 [0 1 H 3]  rank 1 [H 5]        heavy  rank 0 [0]  rank 1 [1]
///                                                     light  rank 0 [0 1 2]  rank 1 [3]
class RowSubset {
 public:
  /// `heavy`: flattened, ascending.
  RowSubset(RowRange held, const std::vector<std::int64_t>& heavy, plan::RowSet set);

  [[nodiscard]] RowRange rows() const { return rows_; }  ///< within the set
  [[nodiscard]] bool whole() const { return whole_; }    ///< every row of the block is in the set

  /// The set's rows of a row-major matrix whose rows are those of the block; a view of them where they are all.
  template <class T>
  [[nodiscard]] Block<const T> gather(const T* from, std::int64_t columns, std::vector<T>& memory) const;

  /// Row x of the set within the block.
  [[nodiscard]] std::int64_t local(std::int64_t x) const {
    return whole_ ? x : index_[static_cast<std::size_t>(x)];
  }

  /// to[row] += part[row] for the set's rows.
  template <class T>
  void add(const T* part, std::int64_t columns, T* to) const;

 private:
  RowRange rows_;
  bool whole_ = true;
  std::vector<std::int64_t> index_;  ///< of each row within the block, where they are not all
};

}  // namespace tattn::split
