#include "polynomial/passes.hpp"

#include <omp.h>

#include <algorithm>

#include "polynomial/row_block.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kRowsAtOnce = 4096;  // summed in T before they go to double
constexpr std::int64_t kPanelsAtOnce = 8;   // rows that one thread takes through the walk at a time

template <class T>
void pack(RowBlock<T>& block, const OperandPass<T>& operand, std::int64_t first, std::int64_t rows) {
  block.pack(operand.x + first * operand.dim, operand.factor, operand.value + first * operand.value_columns,
             operand.value_columns, T{1}, rows);
}

/// sums and gradient of rows [first, first + rows), out of the kernels' lane panels.
template <class T>
void unpack(std::int64_t rows, std::int64_t columns, double factor, const double* panels, T* to) {
  const std::int64_t width = kernels::panel_width<T>();
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t c = 0; c < columns; ++c)
      to[i * columns + c] = static_cast<T>(factor * panels[((i / width) * columns + c) * width + i % width]);
}

}  // namespace

template <class T>
FactorPanels<T>::FactorPanels(const WalkTiles& tiles, std::int64_t columns, const double* matrix)
    : stride_(kernels::round_up(kernels::kTileFeatures, kernels::kHeight) * columns),
      data_(exact::aligned_array<T>(tiles.size() * stride_)) {
  std::vector<T> rows(static_cast<std::size_t>(kernels::kTileFeatures * columns));
  for (std::int64_t t = 0; t < tiles.size(); ++t) {
    const std::int64_t features = tiles[t].features;
    const double* from = matrix + tiles.first_node(t) * columns;
    for (std::int64_t x = 0; x < features * columns; ++x)
      rows[static_cast<std::size_t>(x)] = static_cast<T>(from[x]);
    kernels::pack_panels(rows.data(), features, columns, 1.0, kernels::kHeight, columns, data_.get() + t * stride_);
  }
}

template <class T>
void moments_pass(const WalkTiles& tiles, const OperandPass<T>& operand, int threads, exact::Progress& progress,
                  double* moments) {
  RowBlock<T> block(std::min(operand.rows, kRowsAtOnce), operand.dim, operand.columns);
  std::vector<exact::AlignedArray<T>> scratch;
  for (int t = 0; t < threads; ++t)
    scratch.push_back(exact::aligned_array<T>(kernels::polynomial_scratch<T>(operand.dim, operand.columns)));
  for (std::int64_t first = 0; first < operand.rows; first += kRowsAtOnce) {
    const std::int64_t rows = std::min(kRowsAtOnce, operand.rows - first);
    pack(block, operand, first, rows);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (std::int64_t t = 0; t < tiles.size(); ++t) {
      kernels::add_moments<T>(tiles[t], block.view(), moments + tiles.first_node(t) * operand.columns,
                              scratch[static_cast<std::size_t>(omp_get_thread_num())].get());
      progress.add(static_cast<double>(rows) * static_cast<double>(tiles[t].features));
    }
  }
}

template <class T>
void rows_pass(const WalkTiles& tiles, const OperandPass<T>& operand, const FactorPanels<T>& factor, int threads,
               exact::Progress& progress, double* sums, T* gradient) {
  const std::int64_t capacity = kPanelsAtOnce * kernels::panel_width<T>(), dim = operand.dim,
                     columns = operand.columns;
  struct Memory {
    RowBlock<T> block;
    exact::AlignedArray<T> scratch;
    exact::AlignedArray<double> sums, gradient;
  };
  std::vector<Memory> memory;
  for (int t = 0; t < threads; ++t)
    memory.push_back(
        {RowBlock<T>(capacity, dim, columns), exact::aligned_array<T>(kernels::polynomial_scratch<T>(dim, columns)),
         exact::aligned_array<double>(capacity * columns), exact::aligned_array<double>(capacity * dim)});
  const std::int64_t blocks = kernels::ceil_div(operand.rows, capacity);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (std::int64_t b = 0; b < blocks; ++b) {
    Memory& mine = memory[static_cast<std::size_t>(omp_get_thread_num())];
    const std::int64_t first = b * capacity, rows = std::min(capacity, operand.rows - first);
    pack(mine.block, operand, first, rows);
    std::fill_n(mine.sums.get(), capacity * columns, 0.0);
    std::fill_n(mine.gradient.get(), capacity * dim, 0.0);
    for (std::int64_t t = 0; t < tiles.size(); ++t) {
      if (gradient == nullptr)
        kernels::add_output<T>(tiles[t], mine.block.view(), factor.tile(t), mine.sums.get(), mine.scratch.get());
      else
        kernels::add_gradient<T>(tiles[t], mine.block.view(), factor.tile(t), mine.gradient.get(),
                                 sums == nullptr ? nullptr : mine.sums.get(), mine.scratch.get());
    }
    const std::int64_t width = kernels::panel_width<T>();
    if (sums != nullptr)
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t c = 0; c < columns; ++c)
          sums[(first + i) * columns + c] =
              mine.sums[static_cast<std::size_t>(((i / width) * columns + c) * width + i % width)];
    if (gradient != nullptr) unpack(rows, dim, operand.factor, mine.gradient.get(), gradient + first * dim);
    progress.add(static_cast<double>(rows) * static_cast<double>(tiles.nodes()));
  }
}

template class FactorPanels<float>;
template class FactorPanels<double>;
template void moments_pass(const WalkTiles&, const OperandPass<float>&, int, exact::Progress&, double*);
template void moments_pass(const WalkTiles&, const OperandPass<double>&, int, exact::Progress&, double*);
template void rows_pass(const WalkTiles&, const OperandPass<float>&, const FactorPanels<float>&, int,
                        exact::Progress&, double*, float*);
template void rows_pass(const WalkTiles&, const OperandPass<double>&, const FactorPanels<double>&, int,
                        exact::Progress&, double*, double*);

}  // namespace tattn::polynomial
