#include "polynomial/slice_passes.hpp"

#include <algorithm>
#include <utility>

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kEntriesASum = 4 << 10;  // smaller arrays wait for more: a sum takes a moment to start

}  // namespace

template <class T>
SliceBatch<T>::SliceBatch(const Problem& problem, const GridWork<T>& work, const Options& options, RowRange slices,
                          Streaming& streaming)
    : problem_(problem),
      work_(work),
      options_(options),
      slices_(slices),
      streaming_(streaming),
      columns_(problem.shape.value_dim + 1) {}

template <class T>
OperandPass<T> SliceBatch<T>::query_pass(std::int64_t slice, const T* value) const {
  const Block<const T>& query = work_.operands().query;
  const LocalRows rows = local_rows(query.rows, slice, problem_.shape.rows);
  return {query.data + rows.first * problem_.shape.dim,
          problem_.scale,
          value,
          rows.rows,
          problem_.shape.dim,
          columns_,
          columns_};
}

template <class T>
OperandPass<T> SliceBatch<T>::key_pass(std::int64_t slice, int u) const {
  const auto at = static_cast<std::size_t>(u);
  const Operands<T>& operands = work_.operands();
  const LocalRows rows = local_rows(operands.key[at].rows, slice, problem_.shape.key_rows[at]);
  return {operands.key[at].data + rows.first * problem_.shape.dim,
          1.0,
          operands.value[at].data + rows.first * problem_.shape.value_dim,
          rows.rows,
          problem_.shape.dim,
          columns_,
          problem_.shape.value_dim};
}

// Where the sums are cut depends on the tiles alone: every rank starts the same ones, with rows or without.
template <class T>
void SliceBatch<T>::add_moments(const OperandPass<T>& pass, std::int64_t slice, double* all) {
  const WalkTiles& tiles = work_.tiles();
  std::int64_t tile = 0;
  const TilesComplete sum_tiles = [&](std::int64_t complete) {
    for (; tile < complete; ++tile) sum_until(offset(slice) + tiles.first_feature(tile) * columns_, all, false);
  };
  moments_pass(tiles, pass, options_.threads, streaming_.progress, all + offset(slice),
               work_.down().size() > 1 ? sum_tiles : nullptr);
  sum_tiles(tiles.size());
  sum_until(offset(slice + 1), all, slice + 1 == slices_.end);
}

template <class T>
void SliceBatch<T>::sum_until(std::int64_t entries, double* all, bool last) {
  if (!last && entries - summed_ < kEntriesASum) return;
  streaming_.sums.start(all + summed_, entries - summed_);
  summed_ = last ? 0 : entries;
}

template <class T>
void SliceBatch<T>::add_blocks(const OperandPass<T>& pass, std::int64_t slice, std::int64_t slice_rows,
                               RowRange rows, SumTree& tree) {
  const plan::SumBlocks blocks = plan::moment_blocks(slice_rows);
  const RowRange units = blocks.units_of(rows);
  for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
    const RowRange mine = blocks.rows_of({unit, unit + 1});
    OperandPass<T> block = pass;
    block.x += (mine.begin - rows.begin) * pass.dim;
    block.value += (mine.begin - rows.begin) * pass.value_columns;
    block.rows = mine.size();
    std::vector<double> sums(static_cast<std::size_t>(matrix_size()), 0.0);
    moments_pass(work_.tiles(), block, options_.threads, streaming_.progress, sums.data(), nullptr);
    tree.add({slice - slices_.begin, 0, unit}, std::move(sums));
  }
}

template <class T>
std::vector<double> SliceBatch<T>::sum_blocks(const SumTree& tree, std::int64_t slice_rows, RowRange held) const {
  const plan::SumBlocks blocks = plan::moment_blocks(slice_rows);
  const std::int64_t first = slices_.begin * slice_rows;
  const RowRange mine = intersect(held, {first, slices_.end * slice_rows});
  return sum_in_tree_for_all(work_.down(), tree, blocks.units_of({mine.begin - first, mine.end - first}),
                             blocks.count(), slices_.size(), work_.tiles().features(), columns_);
}

template <class T>
void SliceBatch<T>::compute_moments() {
  for (int u = 0; u < problem_.shape.order; ++u) {
    auto& all = computed_.of_key[static_cast<std::size_t>(u)];
    if (options_.reproducible) {
      const RowRange held = work_.operands().key[static_cast<std::size_t>(u)].rows;
      const std::int64_t rows = problem_.shape.key_rows[static_cast<std::size_t>(u)];
      SumTree tree;
      for (std::int64_t slice = slices_.begin; slice < slices_.end; ++slice)
        add_blocks(key_pass(slice, u), slice, rows, rows_within(held, slice, rows), tree);
      all = sum_blocks(tree, rows, held);
      continue;
    }
    all.assign(static_cast<std::size_t>(slices_.size() * matrix_size()), 0.0);
    for (std::int64_t slice = slices_.begin; slice < slices_.end; ++slice)
      add_moments(key_pass(slice, u), slice, all.data());
  }
  streaming_.sums.wait();
}

template <class T>
std::vector<double> SliceBatch<T>::product(std::int64_t slice) const {
  return moment_gradient(slice, -1, nullptr);
}

template <class T>
std::vector<double> SliceBatch<T>::moment_gradient(std::int64_t slice, int u,
                                                   const double* product_gradient) const {
  std::vector<double> result(static_cast<std::size_t>(matrix_size()));
  for (std::int64_t f = 0; f < work_.tiles().features(); ++f)
    for (std::int64_t x = f * columns_; x < (f + 1) * columns_; ++x) {
      double value = work_.tiles().weight()[static_cast<std::size_t>(f)];
      if (product_gradient != nullptr) value *= product_gradient[x];
      for (int other = 0; other < problem_.shape.order; ++other)
        if (other != u) value *= moments(slice, other)[x];
      result[static_cast<std::size_t>(x)] = value;
    }
  return result;
}

template <class T>
void SliceBatch<T>::query_gradient(std::int64_t slice, const T* adjoint, const TakeRows& take_query) {
  const OperandPass<T> pass = query_pass(slice, adjoint);
  if (options_.reproducible) {
    const std::int64_t rows = problem_.shape.rows;
    add_blocks(pass, slice, rows, rows_within(work_.operands().query.rows, slice, rows), product_gradient_tree_);
  } else {
    product_gradient_.resize(static_cast<std::size_t>(slices_.size() * matrix_size()), 0.0);
    add_moments(pass, slice, product_gradient_.data());
  }
  const FactorPanels<T> factor(work_.tiles(), columns_, product(slice).data());
  rows_pass<T>(work_.tiles(), pass, factor, options_.threads, streaming_.progress, nullptr, take_query);
}

template <class T>
void SliceBatch<T>::finish_product_gradient() {
  if (options_.reproducible)
    product_gradient_ = sum_blocks(product_gradient_tree_, problem_.shape.rows, work_.operands().query.rows);
  streaming_.sums.wait();
}

template <class T>
void SliceBatch<T>::key_gradient(std::int64_t slice, int u, const TakeRows& take_key,
                                 const TakeRows& take_value) const {
  const std::vector<double> matrix = moment_gradient(slice, u, product_gradient_.data() + offset(slice));
  const FactorPanels<T> factor(work_.tiles(), columns_, matrix.data());
  rows_pass<T>(work_.tiles(), key_pass(slice, u), factor, options_.threads, streaming_.progress, take_value,
               take_key);
}

template class SliceBatch<float>;
template class SliceBatch<double>;

}  // namespace tattn::polynomial
