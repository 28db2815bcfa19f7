// Scores of a tile and their exponentials, shared by forward and gradient; included once for each instruction set.
#if defined(TATTN_KERNELS_EXACT_SCORES_INL_HPP_) == defined(HWY_TARGET_TOGGLE)
#ifdef TATTN_KERNELS_EXACT_SCORES_INL_HPP_
#undef TATTN_KERNELS_EXACT_SCORES_INL_HPP_
#else
#define TATTN_KERNELS_EXACT_SCORES_INL_HPP_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "kernels/block_product-inl.hpp"
#include "kernels/exact.hpp"
#include "kernels/exp2-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
inline constexpr T kLowest = static_cast<T>(-1e30);

/// Smallest and largest number of inner rows that take part over the lanes of a panel.
struct InnerLimits {
  std::int64_t smallest, largest;
};

/// Sets, for each lane of a panel, how many of the chunk's `inner` rows take part with outer tuple `outer`.
template <class T>
HWY_INLINE InnerLimits CausalLimits(std::int64_t width, std::int64_t inner, std::int64_t panel, std::int64_t outer,
                                    const Causality& causality, T* HWY_RESTRICT limits) {
  InnerLimits found{inner, 0};
  for (std::int64_t lane = 0; lane < width; ++lane) {
    const std::int64_t row = causality.first_query + panel * width + lane;
    const std::int64_t limit =
        row < causality.outer_row[outer] ? 0 : std::clamp<std::int64_t>(row + 1 - causality.first_inner, 0, inner);
    limits[lane] = static_cast<T>(limit);
    found = {std::min(found.smallest, limit), std::max(found.largest, limit)};
  }
  return found;
}

/// to[panel][c][lane] = from[panel][c][lane] * factors[c]
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void ScaleColumns(D d, std::int64_t panels, std::int64_t columns, const T* HWY_RESTRICT from,
                             const T* HWY_RESTRICT factors, T* HWY_RESTRICT to) {
  const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t p = 0; p < panels; ++p)
    for (std::int64_t c = 0; c < columns; ++c) {
      const auto factor = hn::Set(d, factors[c]);
      for (int x = 0; x < 2; ++x, from += lanes, to += lanes) hn::Store(hn::Mul(factor, hn::Load(d, from)), d, to);
    }
}

/// Largest Euclidean norm over the lanes of one panel.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE T LargestNorm(D d, std::int64_t columns, const T* HWY_RESTRICT lanes) {
  auto first = hn::Zero(d), second = hn::Zero(d);
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto a = hn::Load(d, lanes + c * Width(d)), b = hn::Load(d, lanes + c * Width(d) + Width(d) / 2);
    first = hn::MulAdd(a, a, first);
    second = hn::MulAdd(b, b, second);
  }
  return std::sqrt(hn::GetLane(hn::MaxOfLanes(d, hn::Max(first, second))));
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE T LargestMagnitude(D d, const T* HWY_RESTRICT panel) {
  const auto a = hn::Abs(hn::Load(d, panel)), b = hn::Abs(hn::Load(d, panel + Width(d) / 2));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(a, b)));
}

/// score += outside for every lane whose limit is at or before its row; rows are `first_row` + h.
template <class D, class F>
HWY_INLINE void EachOutside(D d, Tile<D, kHeight, 2>& tile, std::int64_t first_row,
                            const hn::TFromD<D>* HWY_RESTRICT limits, const F& outside) {
  using T = hn::TFromD<D>;
  tile.Each([&](auto& s, int h, int x) HWY_ATTR {
    const auto limit = hn::Load(d, limits + x * Width(d) / 2);
    s = outside(s, hn::Lt(hn::Set(d, static_cast<T>(first_row + h)), limit));
  });
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
