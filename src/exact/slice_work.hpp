#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "exact/key_space.hpp"
#include "exact/softmax_rows.hpp"
#include "progress.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::exact {

/// Some query rows of one slice against a box of its keys: what one rank does of one slice.
template <class T>
struct SliceWork {
  const SliceKeys<T>& keys;
  KeyBox box;
  RowRange rows;  ///< query rows within the slice
  double scale = 0;
  bool causal = false;
  int threads = 1;
  bool fixed_tiles = false;  ///< whatever the threads, so that a row's sums are the same in any range of rows
};

/// Rows of one call of a kernel: `rows` within the slice, in `panels` lane panels.
struct QueryTile {
  RowRange rows;
  std::int64_t panels = 0;
};

/// Cuts the query rows of `work` into tiles, smaller ones where threads would otherwise be idle. Fixed tiles do not
/// reach over multiples of plan::SumBlocks::kRows.
template <class T>
[[nodiscard]] std::vector<QueryTile> query_tiles(const SliceWork<T>& work);

/// Where tiles alone cannot keep the threads busy, each tile's keys are cut into this many parts.
[[nodiscard]] inline std::int64_t key_parts(std::size_t tiles, int threads) {
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(tiles, 1));
  return threads == 1 ? 1 : std::max<std::int64_t>(1, 2 * threads / count);
}

/// The inner rows of `range` in chunks of at most `capacity`.
[[nodiscard]] std::vector<RowRange> chunks(RowRange range, std::int64_t capacity);

/// Adds the softmax sums of `work` to rows 0.. of `sums`. query: row-major, work.rows of the slice.
template <class T>
void forward_slice(const SliceWork<T>& work, const T* query, Progress& progress, SoftmaxRows& sums);

/// What a gradient needs of the query rows of `work`, row-major, first row at [0].
template <class T>
struct QuerySide {
  const T* query;
  const T* upstream;
  const T* output;
  const T* lse;
};

/// Where gradient_slice adds: all row-major double; query holds rows of work.rows, key and value the whole slice.
struct SliceGradients {
  double* query;
  std::array<double*, kMaxOrder> key, value;
};

/// Adds the gradients of `work` to `sums`, in the same order for the same threads.
template <class T>
void gradient_slice(const SliceWork<T>& work, const QuerySide<T>& side, Progress& progress,
                    const SliceGradients& sums);

}  // namespace tattn::exact
