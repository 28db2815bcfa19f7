#pragma once
#include <array>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/sum_tree.hpp"
#include "exact/slice_work.hpp"
#include "plan/partition.hpp"
#include "tattn/operands.hpp"

namespace tattn::exact {

/// Key and value gradients of the slices that a rank works on, in double, on their way to the rows' owners.
template <class T>
class KeySums {
 public:
  KeySums(const Shape& shape, RowRange slices);

  /// Adds what the query rows of `work` give; `side` and `query` begin at its first row.
  void add(const SliceWork<T>& work, std::int64_t slice, const QuerySide<T>& side, Progress& progress,
           double* query);

  /// To the rows of `operands`, parts of different ranks in rank order. Collective.
  void deliver(const Communicator& comm, const Operands<T>& operands, const Gradients<T>& gradients) const;

 private:
  const Shape& shape_;
  RowRange slices_;
  std::array<std::vector<double>, kMaxOrder> key_, value_;
};

/// The same by blocks of query rows, which are added in an order that does not know of ranks.
template <class T>
class KeySumTree {
 public:
  explicit KeySumTree(const Shape& shape) : shape_(shape), blocks_(plan::key_sum_blocks(shape)) {}

  void add(const SliceWork<T>& work, std::int64_t slice, const QuerySide<T>& side, Progress& progress,
           double* query);

  /// `queries`: the rows this rank worked on. Collective.
  void deliver(const Communicator& comm, RowRange queries, const Operands<T>& operands,
               const Gradients<T>& gradients) const;

 private:
  const Shape& shape_;
  plan::SumBlocks blocks_;
  std::array<SumTree, kMaxOrder> key_, value_;
};

}  // namespace tattn::exact
