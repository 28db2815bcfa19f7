#include "kernels/exact.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/exact_forward.cpp"
// clang-format off
#include "hwy/foreach_target.h"
// clang-format on
#include "hwy/highway.h"
#include "kernels/block_product-inl.hpp"
#include "kernels/exact_scores-inl.hpp"
#include "kernels/exp2-inl.hpp"
#include "kernels/flush_subnormals.hpp"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

constexpr std::int64_t kTilePanels = 24;   // broadcast panels of a tile: its keys and scores stay in cache
constexpr std::int64_t kTilesInType = 64;  // tiles summed in T before they go to double
template <class T>
constexpr T kSafeExponent = 40;  // |s - top| up to this needs no checks
template <class T>
constexpr T kSlack = 20;  // a score may exceed top by this before top is raised

template <class D, class T = hn::TFromD<D>>
class Forward {
 public:
  Forward(const BlockSizes& sizes, const Causality& causality, const T* query, const KeyTile<T>& keys,
          const SoftmaxState<T>& state, T* scratch)
      : n_(sizes), causality_(causality), query_(query), keys_(keys), state_(state), columns_(sizes.value_dim + 1) {
    outer_query_ = scratch;
    block_sum_ = outer_query_ + n_.panels * n_.dim * width_;
    weights_ = block_sum_ + n_.panels * columns_ * width_;
    limits_ = weights_ + kTilePanels * kHeight * width_;
  }

  HWY_ATTR void Run() {
    std::fill_n(block_sum_, n_.panels * columns_ * width_, T{0});
    const std::int64_t inner_panels = ceil_div(n_.inner, kHeight);
    std::int64_t tiles = 0;
    for (std::int64_t j = 0; j < n_.outer; ++j) {
      ScaleColumns(d_, n_.panels, n_.dim, query_, keys_.outer_key + j * n_.dim, outer_query_);
      for (std::int64_t first = 0; first < inner_panels; first += kTilePanels) {
        for (std::int64_t p = 0; p < n_.panels; ++p)
          Visit(p, j, first, std::min(first + kTilePanels, inner_panels));
        if (++tiles % kTilesInType == 0) Flush();
      }
    }
    Flush();
  }

 private:
  /// Panel p of the queries against broadcast panels [first, last) of the inner rows.
  HWY_INLINE HWY_ATTR void Visit(std::int64_t p, std::int64_t j, std::int64_t first, std::int64_t last) {
    const InnerLimits limits = Limits(p, j);
    last = std::min(last, ceil_div(limits.largest, kHeight));
    if (first >= last) return;
    const T* query = outer_query_ + p * n_.dim * width_;
    const T bound =
        LargestNorm(d_, n_.dim, query) * keys_.inner_norm + LargestMagnitude(d_, state_.top + p * width_);
    if (bound <= kSafeExponent<T>) {
      MarkSeen(p, static_cast<T>(first * kHeight));
      Scores<false>(p, query, first, last, limits.smallest);
    } else {
      Scores<true>(p, query, first, last, limits.smallest);
    }
    AddValues(p, j, first, last);
  }

  HWY_INLINE InnerLimits Limits(std::int64_t p, std::int64_t j) {
    if (causality_.outer_row != nullptr) return CausalLimits(width_, n_.inner, p, j, causality_, limits_);
    std::fill_n(limits_, width_, static_cast<T>(n_.inner));
    return {n_.inner, n_.inner};
  }

  /// Lanes that meet a tuple at or after inner row `first`.
  HWY_INLINE void MarkSeen(std::int64_t p, T first) {
    for (std::int64_t lane = 0; lane < width_; ++lane)
      if (limits_[lane] > first) state_.seen[p * width_ + lane] = 1;
  }

  template <bool kCareful>
  HWY_INLINE HWY_ATTR void Scores(std::int64_t p, const T* query, std::int64_t first, std::int64_t last,
                                  std::int64_t smallest) {
    T* to = weights_;
    for (std::int64_t panel = first; panel < last; ++panel, to += kHeight * width_) {
      if (HWY_LIKELY((panel + 1) * kHeight <= smallest))
        ScoreTile<kCareful, false>(p, query, panel, to);
      else
        ScoreTile<kCareful, true>(p, query, panel, to);
    }
  }

  template <bool kCareful, bool kEdge>
  HWY_INLINE HWY_ATTR void ScoreTile(std::int64_t p, const T* query, std::int64_t panel, T* to) {
    const T* top = state_.top + p * width_;
    Tile<D, kHeight, 2> s;
    s.Each([&](auto& v, int, int x) HWY_ATTR { v = hn::Neg(hn::Load(d_, top + x * width_ / 2)); });
    ContractColumns(d_, s, n_.dim, keys_.inner_key + panel * kHeight * n_.dim, query);
    if constexpr (kEdge)
      EachOutside(d_, s, panel * kHeight, limits_,
                  [&](auto v, auto inside) HWY_ATTR { return hn::IfThenElse(inside, v, hn::Set(d_, kLowest<T>)); });
    if constexpr (kCareful) RaiseTop(p, s, to);
    s.Each([&](auto& v, int, int) HWY_ATTR { v = kCareful || kEdge ? Exp2(d_, v) : Exp2InRange(d_, v); });
    if constexpr (kEdge)
      EachOutside(d_, s, panel * kHeight, limits_,
                  [&](auto v, auto inside) HWY_ATTR { return hn::IfThenElseZero(inside, v); });
    s.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, to + h * width_ + x * width_ / 2); });
  }

  /// Where a score of the tile exceeds top by more than the slack, or a lane meets its first score, top
  /// becomes that score; what was summed before, and this tile's weights before `to`, are rescaled.
  HWY_INLINE HWY_ATTR void RaiseTop(std::int64_t p, Tile<D, kHeight, 2>& s, T* to) {
    using V = hn::Vec<D>;
    V largest[2] = {hn::Set(d_, kLowest<T>), hn::Set(d_, kLowest<T>)};
    s.Each([&](auto& v, int, int x) HWY_ATTR { largest[x] = hn::Max(largest[x], v); });
    for (int x = 0; x < 2; ++x) {
      const std::int64_t at = x * width_ / 2;
      T* seen = state_.seen + p * width_ + at;
      const V fresh = hn::IfThenElse(hn::Eq(hn::Load(d_, seen), hn::Zero(d_)), hn::Set(d_, kLowest<T> / 2),
                                     hn::Set(d_, kSlack<T>));
      const auto raise = hn::Gt(largest[x], fresh);
      if (HWY_LIKELY(hn::AllFalse(d_, raise))) continue;
      const V step = hn::IfThenElseZero(raise, largest[x]);
      hn::Store(hn::IfThenElse(raise, hn::Set(d_, T{1}), hn::Load(d_, seen)), d_, seen);
      T* top = state_.top + p * width_ + at;
      hn::Store(hn::Add(hn::Load(d_, top), step), d_, top);
#pragma GCC unroll 6
      for (int h = 0; h < kHeight; ++h) s.v[h][x] = hn::Sub(s.v[h][x], step);
      Rescale(p, at, step, to);
    }
  }

  HWY_NOINLINE HWY_ATTR void Rescale(std::int64_t p, std::int64_t at, hn::Vec<D> step, T* to) {
    // A lane's first score can lie far below zero: nothing was summed yet, and its factor must not overflow.
    const auto factor = Exp2(d_, hn::Min(hn::Neg(step), hn::Set(d_, kSafeExponent<T>)));
    for (T* w = weights_ + at; w < to; w += width_) hn::Store(hn::Mul(factor, hn::Load(d_, w)), d_, w);
    T* block = block_sum_ + p * columns_ * width_ + at;
    double* sum = state_.sum + p * columns_ * width_ + at;
    HWY_ALIGN T factors[hn::MaxLanes(D())];
    hn::Store(factor, d_, factors);
    for (std::int64_t m = 0; m < columns_; ++m, block += width_, sum += width_)
      for (std::int64_t lane = 0; lane < width_ / 2; ++lane) {
        block[lane] *= factors[lane];
        sum[lane] *= static_cast<double>(factors[lane]);
      }
  }

  /// block_sum[m][lane] += outer_value[m] * sum_k weights[k][lane] * inner_value[k][m]
  HWY_INLINE HWY_ATTR void AddValues(std::int64_t p, std::int64_t j, std::int64_t first, std::int64_t last) {
    const T* values = keys_.inner_value + first * kHeight * columns_;
    const T* outer = keys_.outer_value + j * columns_;
    T* sums = block_sum_ + p * columns_ * width_;
    ForColumnGroups(columns_, [&]<int H>(std::int64_t m) HWY_ATTR {
      Tile<D, H, 2> tile;
      tile.Zero(d_);
      ContractRows(d_, tile, last - first, columns_, values, m, weights_);
      tile.Each([&](auto& v, int h, int x) HWY_ATTR {
        T* to = sums + (m + h) * width_ + x * width_ / 2;
        hn::Store(hn::MulAdd(hn::Set(d_, outer[m + h]), v, hn::Load(d_, to)), d_, to);
      });
    });
  }

  void Flush() {
    for (std::int64_t x = 0; x < n_.panels * columns_ * width_; ++x) {
      state_.sum[x] += static_cast<double>(block_sum_[x]);
      block_sum_[x] = T{0};
    }
  }

  static constexpr D d_{};
  static constexpr std::int64_t width_ = Width(D());
  const BlockSizes& n_;
  const Causality& causality_;
  const T* query_;
  const KeyTile<T>& keys_;
  const SoftmaxState<T>& state_;
  std::int64_t columns_;
  T *outer_query_, *block_sum_, *weights_, *limits_;
};

template <class T>
using Vectors = hn::ScalableTag<T>;

std::int64_t WidthF32() {
  return Width(Vectors<float>());
}
std::int64_t WidthF64() {
  return Width(Vectors<double>());
}

void ForwardF32(const BlockSizes& n, const Causality& c, const float* q, const KeyTile<float>& k,
                const SoftmaxState<float>& s, float* scratch) {
  Forward<Vectors<float>>(n, c, q, k, s, scratch).Run();
}

void ForwardF64(const BlockSizes& n, const Causality& c, const double* q, const KeyTile<double>& k,
                const SoftmaxState<double>& s, double* scratch) {
  Forward<Vectors<double>>(n, c, q, k, s, scratch).Run();
}

std::int64_t TilePanels() {
  return kTilePanels;
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tattn::kernels {

HWY_EXPORT(WidthF32);
HWY_EXPORT(WidthF64);
HWY_EXPORT(ForwardF32);
HWY_EXPORT(ForwardF64);
HWY_EXPORT(TilePanels);

template <>
std::int64_t panel_width<float>() {
  return HWY_DYNAMIC_DISPATCH(WidthF32)();
}

template <>
std::int64_t panel_width<double>() {
  return HWY_DYNAMIC_DISPATCH(WidthF64)();
}

template <>
void exact_forward(const BlockSizes& sizes, const Causality& causality, const float* query,
                   const KeyTile<float>& keys, const SoftmaxState<float>& state, float* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(ForwardF32)(sizes, causality, query, keys, state, scratch);
}

template <>
void exact_forward(const BlockSizes& sizes, const Causality& causality, const double* query,
                   const KeyTile<double>& keys, const SoftmaxState<double>& state, double* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(ForwardF64)(sizes, causality, query, keys, state, scratch);
}

template <class T>
std::int64_t exact_forward_scratch(const BlockSizes& n) {
  const std::int64_t columns =
      n.panels * (n.dim + n.value_dim + 1) + HWY_DYNAMIC_DISPATCH(TilePanels)() * kHeight + 1;
  return columns * panel_width<T>();
}

template std::int64_t exact_forward_scratch<float>(const BlockSizes&);
template std::int64_t exact_forward_scratch<double>(const BlockSizes&);

}  // namespace tattn::kernels
#endif
