#include <cmath>
#include <numbers>

#include "exact/slice_work.hpp"
#include "kernels/panels.hpp"

namespace tattn::exact {
namespace {

constexpr std::int64_t kThreadSumBytes = std::int64_t{24} << 20;  // key gradients that the threads sum apart

/// A query tile in the layouts the kernel takes, and its dQ sums.
template <class T>
class TileQueries {
 public:
  TileQueries(const SliceWork<T>& work, const QuerySide<T>& side, const QueryTile& tile)
      : keys_(work.keys), width_(kernels::panel_width<T>()), rows_(tile.panels * width_) {
    const std::int64_t first = tile.rows.begin - work.rows.begin, count = tile.rows.size();
    const double factor = work.scale * std::numbers::log2e;
    pack(side.query + first * keys_.dim, count, keys_.dim, factor, query_, query_rows_);
    pack(side.upstream + first * keys_.value_dim, count, keys_.value_dim, 1.0, upstream_, upstream_rows_);
    lse_ = kernels::aligned_array<T>(rows_);
    delta_ = kernels::aligned_array<T>(rows_);
    for (std::int64_t i = 0; i < count; ++i) {
      const T *output = side.output + (first + i) * keys_.value_dim,
              *up = side.upstream + (first + i) * keys_.value_dim;
      double delta = 0;
      for (std::int64_t m = 0; m < keys_.value_dim; ++m)
        delta += static_cast<double>(output[m]) * static_cast<double>(up[m]);
      delta_[static_cast<std::size_t>(i)] = static_cast<T>(delta);
      lse_[static_cast<std::size_t>(i)] =
          static_cast<T>(static_cast<double>(side.lse[first + i]) * std::numbers::log2e);
    }
  }

  [[nodiscard]] kernels::QueryBlock<T> block() const {
    return {query_.get(), query_rows_.get(), upstream_.get(), upstream_rows_.get(), lse_.get(), delta_.get()};
  }

 private:
  /// Lane panels and, for the products that contract the query rows, plain rows of whole vectors.
  void pack(const T* from, std::int64_t count, std::int64_t columns, double factor,
            kernels::AlignedArray<T>& panels, kernels::AlignedArray<T>& rows) {
    panels = kernels::aligned_array<T>(rows_ * columns);
    kernels::pack_panels(from, count, columns, factor, width_, columns, panels.get());
    const std::int64_t stride = kernels::row_stride<T>(columns);
    rows = kernels::aligned_array<T>(rows_ * stride);
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t c = 0; c < columns; ++c)
        rows[static_cast<std::size_t>(i * stride + c)] = static_cast<T>(factor * from[i * columns + c]);
  }

  const SliceKeys<T>& keys_;
  std::int64_t width_, rows_;
  kernels::AlignedArray<T> query_, query_rows_, upstream_, upstream_rows_, lse_, delta_;
};

/// One thread's sums over its tiles for a box of keys, kept apart so that threads never add to the same place.
template <class T>
class ThreadSums {
 public:
  ThreadSums(const SliceKeys<T>& keys, std::int64_t panels, std::int64_t inner_capacity)
      : keys_(keys),
        key_stride_(kernels::row_stride<T>(keys.dim)),
        value_stride_(kernels::row_stride<T>(keys.value_dim)),
        scratch_(kernels::aligned_array<T>(
            kernels::exact_gradient_scratch<T>({panels, keys.dim, keys.value_dim, inner_capacity, 0}))),
        inner_key_(kernels::aligned_array<double>(inner_capacity * key_stride_)),
        inner_value_(kernels::aligned_array<double>(inner_capacity * value_stride_)),
        tuple_key_(kernels::aligned_array<double>(OuterTuples<T>::kCapacity * keys.dim)),
        tuple_value_(kernels::aligned_array<double>(OuterTuples<T>::kCapacity * keys.value_dim)),
        outer_(keys) {}

  /// Empties the sums for another box.
  void reset(const KeyBox& box) {
    std::fill_n(inner_key_.get(), box.inner.size() * key_stride_, 0.0);
    std::fill_n(inner_value_.get(), box.inner.size() * value_stride_, 0.0);
    for (std::size_t p = 0; p < keys_.outer.size(); ++p) {
      touched_[p] = touched_rows(keys_, box.outer, p);
      outer_key_[p].assign(static_cast<std::size_t>(touched_[p].size() * keys_.dim), 0.0);
      outer_value_[p].assign(static_cast<std::size_t>(touched_[p].size() * keys_.value_dim), 0.0);
    }
  }

  /// One tile against outer tuples and panels of the packed inner rows; adds dQ sums to `query`.
  void visit(const SliceWork<T>& work, const TileQueries<T>& queries, const QueryTile& tile, KeyBox part,
             const PackedInner<T>& inner, double* query) {
    const std::int64_t last_row = work.causal ? tile.rows.end - 1 : INT64_MAX,
                       first = part.inner.begin * kernels::kHeight;
    const RowRange inner_rows = inner.rows_of(part.inner);
    if (inner_rows.empty() || inner_rows.begin > last_row) return;
    while (outer_.take(part.outer, last_row)) {
      const kernels::BlockSizes sizes{tile.panels, keys_.dim, keys_.value_dim, inner_rows.size(), outer_.size()};
      const kernels::Causality causality{work.causal ? outer_.largest_row() : nullptr, tile.rows.begin,
                                         inner_rows.begin};
      std::fill_n(tuple_key_.get(), outer_.size() * keys_.dim, 0.0);
      std::fill_n(tuple_value_.get(), outer_.size() * keys_.value_dim, 0.0);
      kernels::exact_gradient<T>(sizes, causality, queries.block(), inner.with(outer_, part.inner.begin),
                                 {query, inner_key_.get() + first * key_stride_,
                                  inner_value_.get() + first * value_stride_, tuple_key_.get(), tuple_value_.get()},
                                 scratch_.get());
      add_outer(keys_.dim, keys_.key, tuple_key_.get(), outer_key_);
      add_outer(keys_.value_dim, keys_.value, tuple_value_.get(), outer_value_);
    }
  }

  /// Adds everything to the slice's gradients; the kernel's key sums are in units of log2(e).
  void add_to(const SliceGradients& sums, RowRange inner_rows) const {
    const auto inner = static_cast<std::size_t>(keys_.inner);
    for (std::int64_t k = 0; k < inner_rows.size(); ++k) {
      const std::int64_t to = inner_rows.begin + k;
      for (std::int64_t l = 0; l < keys_.dim; ++l)
        sums.key[inner][to * keys_.dim + l] +=
            std::numbers::ln2 * inner_key_[static_cast<std::size_t>(k * key_stride_ + l)];
      for (std::int64_t m = 0; m < keys_.value_dim; ++m)
        sums.value[inner][to * keys_.value_dim + m] +=
            inner_value_[static_cast<std::size_t>(k * value_stride_ + m)];
    }
    for (std::size_t p = 0; p < keys_.outer.size(); ++p) {
      const auto u = static_cast<std::size_t>(keys_.outer[p]);
      double* key = sums.key[u] + touched_[p].begin * keys_.dim;
      double* value = sums.value[u] + touched_[p].begin * keys_.value_dim;
      for (std::size_t x = 0; x < outer_key_[p].size(); ++x) key[x] += std::numbers::ln2 * outer_key_[p][x];
      for (std::size_t x = 0; x < outer_value_[p].size(); ++x) value[x] += outer_value_[p][x];
    }
  }

 private:
  using OuterSums = std::array<std::vector<double>, kMaxOrder>;

  /// A tuple's gradient goes to the row of each outer operand, times the rows of the others.
  void add_outer(std::int64_t columns, const std::array<const T*, kMaxOrder>& operand, const double* from,
                 OuterSums& to) {
    const std::size_t positions = keys_.outer.size();
    for (std::int64_t tuple = 0; tuple < outer_.size(); ++tuple, from += columns)
      for (std::size_t p = 0; p < positions; ++p) {
        double* sum = to[p].data() + (outer_.row(tuple, p) - touched_[p].begin) * columns;
        for (std::int64_t c = 0; c < columns; ++c) {
          double product = from[c];
          for (std::size_t other = 0; other < positions; ++other)
            if (other != p)
              product *= static_cast<double>(
                  operand[static_cast<std::size_t>(keys_.outer[other])][outer_.row(tuple, other) * columns + c]);
          sum[c] += product;
        }
      }
  }

  const SliceKeys<T>& keys_;
  std::int64_t key_stride_, value_stride_;
  kernels::AlignedArray<T> scratch_;
  kernels::AlignedArray<double> inner_key_, inner_value_, tuple_key_, tuple_value_;
  std::array<RowRange, kMaxOrder> touched_;
  OuterSums outer_key_, outer_value_;
  OuterTuples<T> outer_;
};

/// Tiles [begin, end) of thread `thread`: contiguous, equal work, the same for the same threads.
RowRange tiles_of_thread(const std::vector<QueryTile>& tiles, bool causal, int order, int threads, int thread) {
  const auto work = [&](const QueryTile& tile) {
    const auto rows = static_cast<double>(tile.rows.size());
    return causal ? rows * std::pow(static_cast<double>(tile.rows.end), order) : rows;
  };
  double total = 0, before = 0;
  for (const QueryTile& tile : tiles) total += work(tile);
  RowRange mine{static_cast<std::int64_t>(tiles.size()), 0};
  for (std::size_t x = 0; x < tiles.size(); ++x) {
    const double middle = before + work(tiles[x]) / 2;
    before += work(tiles[x]);
    if (std::min(static_cast<int>(middle / total * threads), threads - 1) != thread) continue;
    mine = {std::min(mine.begin, static_cast<std::int64_t>(x)), static_cast<std::int64_t>(x) + 1};
  }
  return mine;
}

/// With fewer tiles than threads, so many threads share a tile, each for its part of the keys.
std::int64_t threads_a_tile(std::size_t tiles, int threads) {
  return std::max<std::int64_t>(1, threads / static_cast<std::int64_t>(tiles));
}

/// Inner rows and outer tuples of one box, so that the threads' own sums stay within kThreadSumBytes.
template <class T>
KeyBox box_capacity(const SliceWork<T>& work) {
  const std::int64_t columns = work.keys.dim + work.keys.value_dim;
  const std::int64_t rows = kThreadSumBytes / (work.threads * columns * static_cast<std::int64_t>(sizeof(double)));
  constexpr std::int64_t kLeastRows = 96;
  const std::int64_t inner =
      std::clamp(rows / 2, kLeastRows, std::int64_t{1} << 20) / kernels::kHeight * kernels::kHeight;
  return {{0, std::max(rows / 4, OuterTuples<T>::kCapacity)}, {0, inner}};
}

/// dQ sums of a tile, in lane panels, to rows; the kernel leaves the factor scale to us.
void add_query(const QueryTile& tile, RowRange rows, std::int64_t dim, std::int64_t width, double scale,
               const double* from, double* to) {
  for (std::int64_t i = 0; i < tile.rows.size(); ++i)
    for (std::int64_t l = 0; l < dim; ++l)
      to[(tile.rows.begin - rows.begin + i) * dim + l] += scale * from[((i / width) * dim + l) * width + i % width];
}

}  // namespace

template <class T>
void gradient_slice(const SliceWork<T>& work, const QuerySide<T>& side, Progress& progress,
                    const SliceGradients& sums) {
  const SliceKeys<T>& keys = work.keys;
  const std::vector<QueryTile> tiles = query_tiles<T>(work);
  if (tiles.empty() || work.box.outer.empty() || work.box.inner.empty()) return;
  const std::int64_t width = kernels::panel_width<T>(), panels = tiles.front().panels,
                     parts = threads_a_tile(tiles.size(), work.threads);
  const KeyBox capacity = box_capacity(work);
  PackedInner<T> inner(keys, std::min(capacity.inner.size(), work.box.inner.size()));
  std::vector<ThreadSums<T>> memory;
  std::vector<kernels::AlignedArray<double>> query;
  for (int t = 0; t < work.threads; ++t) {
    memory.emplace_back(
        keys, panels, kernels::round_up(std::min(capacity.inner.size(), work.box.inner.size()), kernels::kHeight));
    query.push_back(kernels::aligned_array<double>(panels * keys.dim * width));
  }

  for (const RowRange inner_rows : chunks(work.box.inner, capacity.inner.size())) {
    inner.pack(inner_rows);
    for (const RowRange tuples : chunks(work.box.outer, capacity.outer.size())) {
#pragma omp parallel num_threads(work.threads)
      {
        const int thread = omp_get_thread_num();
        auto& mine = memory[static_cast<std::size_t>(thread)];
        double* tile_query = query[static_cast<std::size_t>(thread)].get();
        const RowRange own =
            parts > 1
                ? intersect({thread / parts, thread / parts + 1}, {0, static_cast<std::int64_t>(tiles.size())})
                : tiles_of_thread(tiles, work.causal, static_cast<int>(keys.outer.size()) + 1, work.threads,
                                  thread);
        mine.reset({tuples, inner_rows});
        for (std::int64_t x = own.begin; x < own.end; ++x) {
          const QueryTile& tile = tiles[static_cast<std::size_t>(x)];
          std::fill_n(tile_query, panels * keys.dim * width, 0.0);
          mine.visit(work, TileQueries<T>(work, side, tile), tile,
                     part_of({tuples, {0, inner.panels()}}, parts, thread % parts), inner, tile_query);
          if (parts == 1) add_query(tile, work.rows, keys.dim, width, work.scale, tile_query, sums.query);
          progress.add(static_cast<double>(tile.rows.size()) * static_cast<double>(tuples.size()) *
                       static_cast<double>(inner_rows.size()) / static_cast<double>(parts));
        }
      }
      // In thread order: the same bits.
      for (std::size_t t = 0;
           parts > 1 && t < std::min(query.size(), tiles.size() * static_cast<std::size_t>(parts)); ++t)
        add_query(tiles[t / static_cast<std::size_t>(parts)], work.rows, keys.dim, width, work.scale,
                  query[t].get(), sums.query);
      for (const ThreadSums<T>& one : memory) one.add_to(sums, inner_rows);
    }
  }
}

template void gradient_slice(const SliceWork<float>&, const QuerySide<float>&, Progress&, const SliceGradients&);
template void gradient_slice(const SliceWork<double>&, const QuerySide<double>&, Progress&, const SliceGradients&);

}  // namespace tattn::exact
