#include "training/weight_blocks.hpp"

#include <algorithm>
#include <utility>

#include "comm/row_exchange.hpp"
#include "comm/sum_tree.hpp"
#include "training/projection.hpp"

namespace tattn::training {

template <class T>
void weight_gradient_in_blocks(const Communicator& comm, Block<const T> a, const T* gradient, std::int64_t all,
                               const WeightView& view, double* to) {
  const plan::SumBlocks blocks{all};
  // Blocks of the rows that are here but for the ends: the cuts move up to the ends of blocks.
  const auto cut = [&](std::int64_t row) {
    return std::min(all, (row + blocks.block - 1) / blocks.block * blocks.block);
  };
  const RowRange rows{cut(a.rows.begin), cut(a.rows.end)}, units = blocks.units_of(rows);
  const FetchedRows<T> input(comm, a, rows, view.rows), slope(comm, {gradient, a.rows}, rows, view.columns);
  SumTree tree;
  for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
    const RowRange block = blocks.rows_of({unit, unit + 1});
    const std::int64_t first = block.begin - rows.begin;
    std::vector<double> sums(static_cast<std::size_t>(view.size()), 0.0);
    add_weight_gradient(input.data() + first * view.rows, slope.data() + first * view.columns, block.size(),
                        view.rows, view.columns, 1, sums.data());
    tree.add({0, 0, unit}, std::move(sums));
  }
  const auto total = sum_in_tree_for_all(comm, tree, units, blocks.count(), 1, view.rows, view.columns);
  std::copy(total.begin(), total.end(), to);
}

template void weight_gradient_in_blocks(const Communicator&, Block<const float>, const float*, std::int64_t,
                                        const WeightView&, double*);
template void weight_gradient_in_blocks(const Communicator&, Block<const double>, const double*, std::int64_t,
                                        const WeightView&, double*);

}  // namespace tattn::training
