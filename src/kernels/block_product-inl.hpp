// The register tiles that every product is made of. Included once for each instruction set.
//
// Operands are in panels: a "lane panel" holds Width(d) = 2 vectors of neighbouring sequence rows for each
// column, [column][Width]; a "broadcast panel" holds kHeight = 6 neighbouring sequence rows for each column,
// [column][6]. 6 x 2 accumulators, two lane vectors and a broadcast fill the 16 registers of AVX2.
#if defined(TATTN_KERNELS_BLOCK_PRODUCT_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef TATTN_KERNELS_BLOCK_PRODUCT_INL_HPP_
#undef TATTN_KERNELS_BLOCK_PRODUCT_INL_HPP_
#else
#define TATTN_KERNELS_BLOCK_PRODUCT_INL_HPP_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/panels.hpp"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
constexpr std::int64_t Width(D) {
  return 2 * static_cast<std::int64_t>(hn::MaxLanes(D()));
}

/// H x N vectors of sums that stay in registers; v[h][x] belongs to row h, lanes of vector x.
template <class D, int H, int N>
struct Tile {
  using T = hn::TFromD<D>;
  using V = hn::Vec<D>;
  V v[H][N];

  /// Calls f(v[h][x], h, x) for every vector of the tile.
  template <class F>
  HWY_INLINE void Each(const F& f) {
#pragma GCC unroll 12
    for (int h = 0; h < H; ++h)
#pragma GCC unroll 2
      for (int x = 0; x < N; ++x) f(v[h][x], h, x);
  }

  HWY_INLINE void Zero(D d) {
    Each([&](V& sum, int, int) HWY_ATTR { sum = hn::Zero(d); });
  }

  /// v[h][x] += a[h * stride] * b[x * lanes ..]
  template <std::int64_t kStride>
  HWY_INLINE void Add(D d, const T* HWY_RESTRICT a, const T* HWY_RESTRICT b) {
    V lane[N];
#pragma GCC unroll 2
    for (int x = 0; x < N; ++x) lane[x] = hn::Load(d, b + x * static_cast<std::int64_t>(hn::Lanes(d)));
#pragma GCC unroll 12
    for (int h = 0; h < H; ++h) {
      const V broadcast = hn::Set(d, a[h * kStride]);
#pragma GCC unroll 2
      for (int x = 0; x < N; ++x) v[h][x] = hn::MulAdd(broadcast, lane[x], v[h][x]);
    }
  }
};

/// tile[h][lane] += sum_c rows[c][h] * lanes[c][lane]: contraction over columns c of one broadcast panel
/// and one lane panel.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void ContractColumns(D d, Tile<D, kHeight, 2>& tile, std::int64_t columns, const T* HWY_RESTRICT rows,
                                const T* HWY_RESTRICT lanes) {
#pragma GCC unroll 4
  for (std::int64_t c = 0; c < columns; ++c) tile.template Add<1>(d, rows + c * kHeight, lanes + c * Width(d));
}

/// tile[h][lane] += sum_k rows[k][column + h] * weights[k][lane]: contraction over the sequence rows k of
/// `panels` broadcast panels of `columns` columns, with one weight a sequence row and lane.
template <int H, class D, class T = hn::TFromD<D>>
HWY_INLINE void ContractRows(D d, Tile<D, H, 2>& tile, std::int64_t panels, std::int64_t columns,
                             const T* HWY_RESTRICT rows, std::int64_t column, const T* HWY_RESTRICT weights) {
  const T* HWY_RESTRICT a = rows + column * kHeight;
  for (std::int64_t p = 0; p < panels; ++p) {
#pragma GCC unroll 3  // six, and GCC spills the sums
    for (int k = 0; k < kHeight; ++k) {
      tile.template Add<kHeight>(d, a + k, weights);
      weights += Width(d);
    }
    a += columns * kHeight;
  }
}

/// tile[h][x] += sum_i weights[row + h][i] * lanes[i][column + x]: contraction over the query rows i of `panels`
/// lane panels of weights ([panel][rows][Width]), with row-major `lanes` of `stride` columns.
template <int H, int N, class D, class T = hn::TFromD<D>>
HWY_INLINE void ContractLanes(D d, Tile<D, H, N>& tile, std::int64_t panels, std::int64_t rows,
                              const T* HWY_RESTRICT weights, std::int64_t row, const T* HWY_RESTRICT lanes,
                              std::int64_t stride, std::int64_t column) {
  const T* HWY_RESTRICT b = lanes + column;
  for (std::int64_t p = 0; p < panels; ++p) {
    const T* HWY_RESTRICT a = weights + (p * rows + row) * Width(d);
    for (std::int64_t i = 0; i < Width(d); ++i) {
      tile.template Add<Width(D())>(d, a + i, b);
      b += stride;
    }
  }
}

/// Calls f.operator()<H>(first) for column groups of H <= 6 that cover [0, columns) in nearly equal parts.
template <class F>
HWY_INLINE void ForColumnGroups(std::int64_t columns, const F& f) {
  const std::int64_t groups = (columns + kHeight - 1) / kHeight;
  for (std::int64_t g = 0; g < groups; ++g) {
    const std::int64_t first = g * columns / groups;
    switch ((g + 1) * columns / groups - first) {
      case 1:
        f.template operator()<1>(first);
        break;
      case 2:
        f.template operator()<2>(first);
        break;
      case 3:
        f.template operator()<3>(first);
        break;
      case 4:
        f.template operator()<4>(first);
        break;
      case 5:
        f.template operator()<5>(first);
        break;
      default:
        f.template operator()<6>(first);
        break;
    }
  }
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
