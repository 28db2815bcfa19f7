#include "polynomial/passes.hpp"

#include <omp.h>

#include <algorithm>

#include "polynomial/row_block.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kRowsAtOnce = 2048;  // summed in T before they go to double
constexpr std::int64_t kTilesTold = 2;      // a thread, before the next are told to be complete
constexpr std::int64_t kTilesAtOnce = 16;   // of features, likewise
constexpr std::int64_t kPanelsAtOnce = 8;   // rows that one thread takes through the walk at a time

/// to += from, and from = 0.
template <class T>
void take(T* from, std::int64_t entries, double* to) {
  for (std::int64_t x = 0; x < entries; ++x) {
    to[x] += static_cast<double>(from[x]);
    from[x] = T{0};
  }
}

/// `rows` rows times `factor`, out of the kernels' lane panels.
template <class T>
void unpack(std::int64_t rows, std::int64_t columns, double factor, const double* panels, double* to) {
  const std::int64_t width = kernels::panel_width<T>();
  for (std::int64_t first = 0; first < rows; first += width, panels += columns * width)
    for (std::int64_t i = first; i < std::min(first + width, rows); ++i)
      for (std::int64_t c = 0; c < columns; ++c) to[i * columns + c] = factor * panels[c * width + i - first];
}

}  // namespace

template <class T>
FactorPanels<T>::FactorPanels(const WalkTiles& tiles, std::int64_t columns, const double* matrix)
    : stride_(kernels::round_up(kernels::kTileFeatures, kernels::kHeight) * columns),
      data_(kernels::aligned_array<T>(tiles.size() * stride_)) {
  std::vector<T> rows(static_cast<std::size_t>(kernels::kTileFeatures * columns));
  for (std::int64_t t = 0; t < tiles.size(); ++t) {
    const std::int64_t features = tiles[t].features;
    const double* from = matrix + tiles.first_feature(t) * columns;
    for (std::int64_t x = 0; x < features * columns; ++x)
      rows[static_cast<std::size_t>(x)] = static_cast<T>(from[x]);
    kernels::pack_panels(rows.data(), features, columns, 1.0, kernels::kHeight, columns, data_.get() + t * stride_);
  }
}

template <class T>
void moments_pass(const WalkTiles& tiles, const OperandPass<T>& operand, int threads, Progress& progress,
                  double* moments, const TilesComplete& complete) {
  RowBlock<T> block(std::min(operand.rows, kRowsAtOnce), operand.dim, operand.columns);
  std::vector<kernels::AlignedArray<T>> scratch;
  for (int t = 0; t < threads; ++t)
    scratch.push_back(kernels::aligned_array<T>(kernels::polynomial_scratch<T>(operand.columns)));
  for (std::int64_t first = 0; first < operand.rows; first += kRowsAtOnce) {
    const std::int64_t rows = std::min(kRowsAtOnce, operand.rows - first);
    const T* value = operand.value + first * operand.value_columns;
    block.pack_x(operand.x + first * operand.dim, operand.factor, rows);
    block.pack_value_rows(value, operand.value_columns, T{1});
    const bool tell = complete && first + rows == operand.rows;
    const std::int64_t step = tell ? kTilesTold * threads : tiles.size();
    for (std::int64_t begin = 0; begin < tiles.size(); begin += step) {
      const std::int64_t end = std::min(begin + step, tiles.size());
#pragma omp parallel for schedule(dynamic) num_threads(threads)
      for (std::int64_t t = begin; t < end; ++t) {
        kernels::add_moments<T>(tiles[t], block.view(), moments + tiles.first_feature(t) * operand.columns,
                                scratch[static_cast<std::size_t>(omp_get_thread_num())].get());
        progress.add(static_cast<double>(rows) * static_cast<double>(tiles[t].features));
      }
      if (tell) complete(end);
    }
  }
}

namespace {

/// Sums of one block of rows over the walk: block sums in T, across blocks in double.
template <class T>
struct RowSums {
  explicit RowSums(std::int64_t entries)
      : size(entries), some(kernels::aligned_array<T>(entries)), all(kernels::aligned_array<double>(entries)) {}
  void clear() { std::fill_n(all.get(), size, 0.0); }
  void take() { polynomial::take(some.get(), size, all.get()); }
  std::int64_t size;
  kernels::AlignedArray<T> some;
  kernels::AlignedArray<double> all;
};

template <class T>
struct RowMemory {
  RowMemory(std::int64_t rows, std::int64_t dim, std::int64_t columns)
      : block(rows, dim, columns),
        scratch(kernels::aligned_array<T>(kernels::polynomial_scratch<T>(columns))),
        sums(rows * columns),
        gradient(rows * dim),
        told(static_cast<std::size_t>(rows * std::max(dim, columns))) {}
  RowBlock<T> block;
  kernels::AlignedArray<T> scratch;
  RowSums<T> sums, gradient;
  std::vector<double> told;  ///< sums or gradient in rows
};

/// Takes the packed block through the walk.
template <class T>
void walk_rows(const WalkTiles& tiles, const FactorPanels<T>& factor, bool with_sums, bool with_gradient,
               RowMemory<T>& m) {
  m.sums.clear();
  m.gradient.clear();
  T* sums = with_sums ? m.sums.some.get() : nullptr;
  for (std::int64_t t = 0; t < tiles.size(); ++t) {
    if (with_gradient)
      kernels::add_gradient<T>(tiles[t], m.block.view(), factor.tile(t), m.gradient.some.get(), sums,
                               m.scratch.get());
    else
      kernels::add_output<T>(tiles[t], m.block.view(), factor.tile(t), sums, m.scratch.get());
    if ((t + 1) % kTilesAtOnce != 0 && t + 1 < tiles.size()) continue;
    if (with_sums) m.sums.take();
    if (with_gradient) m.gradient.take();
  }
}

}  // namespace

template <class T>
void rows_pass(const WalkTiles& tiles, const OperandPass<T>& operand, const FactorPanels<T>& factor, int threads,
               Progress& progress, const TakeRows& take_sums, const TakeRows& take_gradient) {
  const std::int64_t capacity = kPanelsAtOnce * kernels::panel_width<T>(), dim = operand.dim,
                     columns = operand.columns, sum_columns = take_gradient ? columns - 1 : columns;
  std::vector<RowMemory<T>> memory;
  for (int t = 0; t < threads; ++t) memory.emplace_back(capacity, dim, columns);
  const std::int64_t blocks = kernels::ceil_div(operand.rows, capacity);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (std::int64_t b = 0; b < blocks; ++b) {
    RowMemory<T>& mine = memory[static_cast<std::size_t>(omp_get_thread_num())];
    const std::int64_t first = b * capacity, rows = std::min(capacity, operand.rows - first);
    mine.block.pack_x(operand.x + first * dim, operand.factor, rows);
    if (take_gradient)
      mine.block.pack_value(operand.value + first * operand.value_columns, operand.value_columns, T{1});
    walk_rows(tiles, factor, take_sums != nullptr, take_gradient != nullptr, mine);
    if (take_sums) {
      unpack<T>(rows, sum_columns, 1.0, mine.sums.all.get(), mine.told.data());
      take_sums(first, rows, mine.told.data());
    }
    if (take_gradient) {
      unpack<T>(rows, dim, operand.factor, mine.gradient.all.get(), mine.told.data());
      take_gradient(first, rows, mine.told.data());
    }
    progress.add(static_cast<double>(rows) * static_cast<double>(tiles.features()));
  }
}

template class FactorPanels<float>;
template class FactorPanels<double>;
template void moments_pass(const WalkTiles&, const OperandPass<float>&, int, Progress&, double*,
                           const TilesComplete&);
template void moments_pass(const WalkTiles&, const OperandPass<double>&, int, Progress&, double*,
                           const TilesComplete&);
template void rows_pass(const WalkTiles&, const OperandPass<float>&, const FactorPanels<float>&, int, Progress&,
                        const TakeRows&, const TakeRows&);
template void rows_pass(const WalkTiles&, const OperandPass<double>&, const FactorPanels<double>&, int, Progress&,
                        const TakeRows&, const TakeRows&);

}  // namespace tattn::polynomial
