#include <numbers>

#include "exact/slice_work.hpp"
#include "kernels/panels.hpp"

namespace tattn::exact {
namespace {

constexpr std::int64_t kPackedBytes = std::int64_t{8} << 20;  // inner keys and values packed at a time
constexpr std::int64_t kStateBytes = std::int64_t{16} << 20;  // softmax sums of the tiles under way

/// The softmax sums of one query tile against one part of the keys.
template <class T>
struct TileState {
  TileState(std::int64_t panels, std::int64_t value_dim)
      : top(kernels::aligned_array<T>(panels * width)),
        seen(kernels::aligned_array<T>(panels * width)),
        sum(kernels::aligned_array<double>(panels * (value_dim + 1) * width)) {}

  static std::int64_t bytes(std::int64_t value_dim) {
    return 4 * kernels::panel_width<T>() * ((value_dim + 1) * 8 + 2 * static_cast<std::int64_t>(sizeof(T)));
  }

  std::int64_t width = kernels::panel_width<T>();
  kernels::AlignedArray<T> top, seen;
  kernels::AlignedArray<double> sum;
};

/// What one thread works with.
template <class T>
struct ThreadMemory {
  ThreadMemory(const SliceKeys<T>& keys, std::int64_t panels)
      : query(kernels::aligned_array<T>(panels * keys.dim * kernels::panel_width<T>())),
        scratch(
            kernels::aligned_array<T>(kernels::exact_forward_scratch<T>({panels, keys.dim, keys.value_dim, 0, 0}))),
        outer(keys) {}
  kernels::AlignedArray<T> query, scratch;
  OuterTuples<T> outer;
};

/// One tile against outer tuples and panels of the packed inner rows.
template <class T>
void visit(const SliceWork<T>& work, const T* query, const QueryTile& tile, KeyBox part,
           const PackedInner<T>& inner, ThreadMemory<T>& memory, TileState<T>& state) {
  const SliceKeys<T>& keys = work.keys;
  const std::int64_t last_row = work.causal ? tile.rows.end - 1 : INT64_MAX;
  const RowRange inner_rows = inner.rows_of(part.inner);
  if (inner_rows.empty() || inner_rows.begin > last_row) return;
  kernels::pack_panels(query + (tile.rows.begin - work.rows.begin) * keys.dim, tile.rows.size(), keys.dim,
                       work.scale * std::numbers::log2e, kernels::panel_width<T>(), keys.dim, memory.query.get());
  while (memory.outer.take(part.outer, last_row)) {
    const kernels::BlockSizes sizes{tile.panels, keys.dim, keys.value_dim, inner_rows.size(), memory.outer.size()};
    const kernels::Causality causality{work.causal ? memory.outer.largest_row() : nullptr, tile.rows.begin,
                                       inner_rows.begin};
    kernels::exact_forward<T>(sizes, causality, memory.query.get(), inner.with(memory.outer, part.inner.begin),
                              {state.top.get(), state.seen.get(), state.sum.get()}, memory.scratch.get());
  }
}

template <class T>
void merge_state(const TileState<T>& state, const QueryTile& tile, RowRange rows, std::int64_t value_dim,
                 SoftmaxRows& sums) {
  for (std::int64_t i = tile.rows.begin; i < tile.rows.end; ++i) {
    const std::int64_t at = i - tile.rows.begin, panel = at / state.width, lane = at % state.width;
    sums.merge(i - rows.begin, static_cast<double>(state.top[static_cast<std::size_t>(at)]),
               state.sum.get() + panel * (value_dim + 1) * state.width + lane, state.width);
  }
}

}  // namespace

template <class T>
void forward_slice(const SliceWork<T>& work, const T* query, Progress& progress, SoftmaxRows& sums) {
  const SliceKeys<T>& keys = work.keys;
  const std::vector<QueryTile> tiles = query_tiles<T>(work);
  if (tiles.empty() || work.box.outer.empty() || work.box.inner.empty()) return;
  const std::int64_t parts = work.fixed_tiles ? 1 : key_parts(tiles.size(), work.threads);
  const std::int64_t capacity = std::max<std::int64_t>(
      kernels::kHeight, kPackedBytes / ((keys.dim + keys.value_dim + 1) * static_cast<std::int64_t>(sizeof(T))));
  const std::int64_t at_once =
      std::max<std::int64_t>(work.threads, kStateBytes / (parts * TileState<T>::bytes(keys.value_dim)));

  PackedInner<T> inner(keys, std::min(capacity, work.box.inner.size()));
  std::vector<ThreadMemory<T>> memory;
  for (int t = 0; t < work.threads; ++t) memory.emplace_back(keys, tiles.front().panels);

  for (const RowRange group : chunks({0, static_cast<std::int64_t>(tiles.size())}, at_once)) {
    std::vector<TileState<T>> states;
    for (std::int64_t s = 0; s < group.size() * parts; ++s)
      states.emplace_back(tiles.front().panels, keys.value_dim);
    for (const RowRange chunk : chunks(work.box.inner, capacity)) {
      if (!(chunk == inner.rows())) inner.pack(chunk);
#pragma omp parallel for schedule(dynamic) num_threads(work.threads)
      for (std::int64_t s = group.size() * parts - 1; s >= 0; --s) {  // late causal tiles are the longest: first
        const QueryTile& tile = tiles[static_cast<std::size_t>(group.begin + s / parts)];
        visit(work, query, tile, part_of({work.box.outer, {0, inner.panels()}}, parts, s % parts), inner,
              memory[static_cast<std::size_t>(omp_get_thread_num())], states[static_cast<std::size_t>(s)]);
        progress.add(static_cast<double>(tile.rows.size()) * static_cast<double>(work.box.outer.size()) *
                     static_cast<double>(chunk.size()) / static_cast<double>(parts));
      }
    }
    for (std::int64_t s = 0; s < group.size() * parts; ++s)
      merge_state(states[static_cast<std::size_t>(s)], tiles[static_cast<std::size_t>(group.begin + s / parts)],
                  work.rows, keys.value_dim, sums);
  }
}

template void forward_slice(const SliceWork<float>&, const float*, Progress&, SoftmaxRows&);
template void forward_slice(const SliceWork<double>&, const double*, Progress&, SoftmaxRows&);

}  // namespace tattn::exact
