#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/exact.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/exact_gradient.cpp"
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

constexpr std::int64_t kGradientTilePanels = 16;  // broadcast panels of a tile: keys, weights, errors stay in cache
constexpr std::int64_t kTuplesInType = 64;        // outer tuples summed in T before the sums go to double

/// One call of exact_gradient. For each outer tuple j and tile of inner rows (names as in tattn::gradient):
///     weights = p    errors = ds    t1 = ds Kt    t2 = p Vt    inner_key += ds^T (Q*K1[j])    inner_value += p^T
///     (dO*V1[j])
template <class D, class T = hn::TFromD<D>>
class Gradient {
 public:
  Gradient(const BlockSizes& sizes, const Causality& causality, const QueryBlock<T>& block, const KeyTile<T>& keys,
           const GradientSums<T>& sums, T* scratch)
      : n_(sizes), causality_(causality), block_(block), keys_(keys), sums_(sums), next_(scratch) {
    const std::int64_t rows = n_.panels * width_;
    outer_query_ = Take(n_.dim * rows);
    outer_upstream_ = Take(n_.value_dim * rows);
    t1_ = Take(n_.dim * rows);
    t2_ = Take(n_.value_dim * rows);
    outer_query_rows_ = Take(key_stride_ * rows);
    outer_upstream_rows_ = Take(value_stride_ * rows);
    weights_ = Take(kTileRows * rows);
    errors_ = Take(kTileRows * rows);
    limits_ = Take(width_);
    inner_key_ = Take(InnerRows() * key_stride_);
    inner_value_ = Take(InnerRows() * value_stride_);
  }

  static std::int64_t Scratch(const BlockSizes& n) {
    const std::int64_t keys = Stride(n.dim), values = Stride(n.value_dim), rows = n.panels * width_;
    const std::int64_t inner = ceil_div(n.inner, kHeight) * kHeight;
    return rows * (2 * (n.dim + n.value_dim) + keys + values + 2 * kTileRows) + width_ + inner * (keys + values);
  }

  static std::int64_t Stride(std::int64_t columns) { return round_up(columns, width_ / 2); }

  HWY_ATTR void Run() {
    std::fill_n(inner_key_, InnerRows() * key_stride_, T{0});
    std::fill_n(inner_value_, InnerRows() * value_stride_, T{0});
    std::fill_n(limits_, width_, static_cast<T>(n_.inner));
    const std::int64_t inner_panels = ceil_div(n_.inner, kHeight);
    for (std::int64_t j = 0; j < n_.outer; ++j) {
      FoldOuter(j);
      for (std::int64_t first = 0; first < inner_panels; first += kGradientTilePanels)
        VisitTile(j, first, std::min(first + kGradientTilePanels, inner_panels));
      FinishOuter(j);
      if ((j + 1) % kTuplesInType == 0) Flush();
    }
    Flush();
  }

 private:
  static constexpr D d_{};
  static constexpr std::int64_t width_ = Width(D());
  static constexpr std::int64_t kTileRows = kGradientTilePanels * kHeight;

  T* Take(std::int64_t entries) { return std::exchange(next_, next_ + entries); }
  [[nodiscard]] std::int64_t InnerRows() const { return ceil_div(n_.inner, kHeight) * kHeight; }

  /// The outer tuple's keys and values fold into the queries and the upstream gradient.
  HWY_INLINE HWY_ATTR void FoldOuter(std::int64_t j) {
    const T *key = keys_.outer_key + j * n_.dim, *value = keys_.outer_value + j * (n_.value_dim + 1);
    ScaleColumns(d_, n_.panels, n_.dim, block_.query, key, outer_query_);
    ScaleColumns(d_, n_.panels, n_.value_dim, block_.upstream, value, outer_upstream_);
    ScaleRows(n_.dim, key_stride_, block_.query_rows, key, outer_query_rows_);
    ScaleRows(n_.value_dim, value_stride_, block_.upstream_rows, value, outer_upstream_rows_);
    std::fill_n(t1_, n_.panels * n_.dim * width_, T{0});
    std::fill_n(t2_, n_.panels * n_.value_dim * width_, T{0});
  }

  HWY_INLINE HWY_ATTR void ScaleRows(std::int64_t columns, std::int64_t stride, const T* HWY_RESTRICT from,
                                     const T* HWY_RESTRICT factors, T* HWY_RESTRICT to) {
    for (std::int64_t i = 0; i < n_.panels * width_; ++i, from += stride, to += stride)
      for (std::int64_t c = 0; c < columns; ++c) to[c] = from[c] * factors[c];
  }

  /// All query panels against broadcast panels [first, last) of the inner rows.
  HWY_INLINE HWY_ATTR void VisitTile(std::int64_t j, std::int64_t first, std::int64_t last) {
    bool any = false;
    for (std::int64_t p = 0; p < n_.panels; ++p) any |= VisitPanel(p, j, first, last);
    if (!any) return;
    AddInner(first, last, errors_, outer_query_rows_, key_stride_, inner_key_);
    AddInner(first, last, weights_, outer_upstream_rows_, value_stride_, inner_value_);
  }

  /// Weights and errors of one panel, and its t1 and t2. False where causality leaves nothing.
  HWY_INLINE HWY_ATTR bool VisitPanel(std::int64_t p, std::int64_t j, std::int64_t first, std::int64_t last) {
    T *weights = weights_ + p * kTileRows * width_, *errors = errors_ + p * kTileRows * width_;
    InnerLimits limits{n_.inner, n_.inner};
    if (causality_.outer_row != nullptr) limits = CausalLimits(width_, n_.inner, p, j, causality_, limits_);
    const std::int64_t stop = std::clamp(ceil_div(limits.largest, kHeight), first, last);
    for (std::int64_t panel = first; panel < stop; ++panel) {
      const std::int64_t at = (panel - first) * kHeight * width_;
      if (HWY_LIKELY((panel + 1) * kHeight <= limits.smallest))
        Weights<false>(p, panel, weights + at);
      else
        Weights<true>(p, panel, weights + at);
      Errors(p, panel, weights + at, errors + at);
    }
    std::fill_n(weights + (stop - first) * kHeight * width_, (last - stop) * kHeight * width_, T{0});
    std::fill_n(errors + (stop - first) * kHeight * width_, (last - stop) * kHeight * width_, T{0});
    AddRows(n_.dim, n_.dim, first, stop, keys_.inner_key, errors, t1_ + p * n_.dim * width_);
    AddRows(n_.value_dim, n_.value_dim + 1, first, stop, keys_.inner_value, weights,
            t2_ + p * n_.value_dim * width_);
    return stop > first;
  }

  /// p = 2^(s - lse); zero outside the limits.
  template <bool kEdge>
  HWY_INLINE HWY_ATTR void Weights(std::int64_t p, std::int64_t panel, T* weights) {
    const T* lse = block_.lse + p * width_;
    Tile<D, kHeight, 2> s;
    s.Each([&](auto& v, int, int x) HWY_ATTR { v = hn::Neg(hn::Load(d_, lse + x * width_ / 2)); });
    ContractColumns(d_, s, n_.dim, keys_.inner_key + panel * kHeight * n_.dim, outer_query_ + p * n_.dim * width_);
    s.Each([&](auto& v, int, int) HWY_ATTR { v = Exp2(d_, v); });
    if constexpr (kEdge)
      EachOutside(d_, s, panel * kHeight, limits_,
                  [&](auto v, auto inside) HWY_ATTR { return hn::IfThenElseZero(inside, v); });
    s.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, weights + h * width_ + x * width_ / 2); });
  }

  /// ds = p * (dO' Vt - delta)
  HWY_INLINE HWY_ATTR void Errors(std::int64_t p, std::int64_t panel, const T* weights, T* errors) {
    const T* delta = block_.delta + p * width_;
    Tile<D, kHeight, 2> dp;
    dp.Each([&](auto& v, int, int x) HWY_ATTR { v = hn::Neg(hn::Load(d_, delta + x * width_ / 2)); });
    ContractColumns(d_, dp, n_.value_dim, keys_.inner_value + panel * kHeight * (n_.value_dim + 1),
                    outer_upstream_ + p * n_.value_dim * width_);
    dp.Each([&](auto& v, int h, int x) HWY_ATTR {
      const std::int64_t at = h * width_ + x * width_ / 2;
      hn::Store(hn::Mul(v, hn::Load(d_, weights + at)), d_, errors + at);
    });
  }

  /// to[c][lane] += sum_k factors[k][lane] * rows[k][c] over broadcast panels [first, last) of `stride` columns
  HWY_INLINE HWY_ATTR void AddRows(std::int64_t columns, std::int64_t stride, std::int64_t first, std::int64_t last,
                                   const T* rows, const T* factors, T* to) {
    ForColumnGroups(columns, [&]<int H>(std::int64_t c) HWY_ATTR {
      Tile<D, H, 2> tile;
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { v = hn::Load(d_, to + (c + h) * width_ + x * width_ / 2); });
      ContractRows(d_, tile, last - first, stride, rows + first * kHeight * stride, c, factors);
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, to + (c + h) * width_ + x * width_ / 2); });
    });
  }

  /// to[k][c] += sum_i factors[k][i] * rows[i][c] for the tile's inner rows k
  HWY_INLINE HWY_ATTR void AddInner(std::int64_t first, std::int64_t last, const T* factors, const T* rows,
                                    std::int64_t stride, T* to) {
    const std::int64_t count = (last - first) * kHeight;
    to += first * kHeight * stride;
    std::int64_t column = 0;
    for (; column + width_ <= stride; column += width_)
      for (std::int64_t k = 0; k < count; k += kHeight)
        AddInnerTile<kHeight, 2>(k, column, factors, rows, stride, to);
    if (column == stride) return;  // one vector of columns is left: more rows keep the multipliers busy
    std::int64_t k = 0;
    for (; k + 2 * kHeight <= count; k += 2 * kHeight)
      AddInnerTile<2 * kHeight, 1>(k, column, factors, rows, stride, to);
    if (k < count) AddInnerTile<kHeight, 1>(k, column, factors, rows, stride, to);
  }

  template <int H, int N>
  HWY_INLINE HWY_ATTR void AddInnerTile(std::int64_t k, std::int64_t column, const T* factors, const T* rows,
                                        std::int64_t stride, T* to) {
    Tile<D, H, N> tile;
    T* at = to + k * stride + column;
    tile.Each([&](auto& v, int h, int x) HWY_ATTR { v = hn::Load(d_, at + h * stride + x * width_ / 2); });
    ContractLanes(d_, tile, n_.panels, kTileRows, factors, k, rows, stride, column);
    tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, at + h * stride + x * width_ / 2); });
  }

  /// query[i] += K1[j] * t1[i],   outer_key[j] += sum_i Q[i] * t1[i],   outer_value[j] += sum_i dO[i] * t2[i]
  HWY_INLINE HWY_ATTR void FinishOuter(std::int64_t j) {
    const T* key = keys_.outer_key + j * n_.dim;
    for (std::int64_t p = 0; p < n_.panels; ++p)
      for (std::int64_t l = 0; l < n_.dim; ++l) {
        const std::int64_t at = (p * n_.dim + l) * width_;
        for (std::int64_t lane = 0; lane < width_; ++lane)
          sums_.query[at + lane] += static_cast<double>(key[l] * t1_[at + lane]);
      }
    AddOuter(n_.dim, block_.query, t1_, sums_.outer_key + j * n_.dim);
    AddOuter(n_.value_dim, block_.upstream, t2_, sums_.outer_value + j * n_.value_dim);
  }

  HWY_INLINE HWY_ATTR void AddOuter(std::int64_t columns, const T* a, const T* b, double* to) {
    for (std::int64_t c = 0; c < columns; ++c) {
      auto sum = hn::Zero(d_);
      for (std::int64_t p = 0; p < n_.panels; ++p)
        for (int x = 0; x < 2; ++x) {
          const std::int64_t at = (p * columns + c) * width_ + x * width_ / 2;
          sum = hn::MulAdd(hn::Load(d_, a + at), hn::Load(d_, b + at), sum);
        }
      to[c] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d_, sum)));
    }
  }

  void Flush() {
    FlushOne(n_.inner * key_stride_, inner_key_, sums_.inner_key);
    FlushOne(n_.inner * value_stride_, inner_value_, sums_.inner_value);
  }

  static void FlushOne(std::int64_t count, T* HWY_RESTRICT from, double* HWY_RESTRICT to) {
    for (std::int64_t x = 0; x < count; ++x) {
      to[x] += static_cast<double>(from[x]);
      from[x] = T{0};
    }
  }

  const BlockSizes& n_;
  const Causality& causality_;
  const QueryBlock<T>& block_;
  const KeyTile<T>& keys_;
  const GradientSums<T>& sums_;
  T* next_;
  const std::int64_t key_stride_ = Stride(n_.dim), value_stride_ = Stride(n_.value_dim);
  T *outer_query_, *outer_upstream_, *t1_, *t2_, *outer_query_rows_, *outer_upstream_rows_;
  T *weights_, *errors_, *limits_, *inner_key_, *inner_value_;
};

using FloatTag = hn::ScalableTag<float>;
using DoubleTag = hn::ScalableTag<double>;

std::int64_t StrideF32(std::int64_t columns) {
  return Gradient<FloatTag>::Stride(columns);
}
std::int64_t StrideF64(std::int64_t columns) {
  return Gradient<DoubleTag>::Stride(columns);
}
std::int64_t ScratchF32(const BlockSizes& n) {
  return Gradient<FloatTag>::Scratch(n);
}
std::int64_t ScratchF64(const BlockSizes& n) {
  return Gradient<DoubleTag>::Scratch(n);
}

void GradientF32(const BlockSizes& n, const Causality& c, const QueryBlock<float>& b, const KeyTile<float>& k,
                 const GradientSums<float>& s, float* scratch) {
  Gradient<FloatTag>(n, c, b, k, s, scratch).Run();
}

void GradientF64(const BlockSizes& n, const Causality& c, const QueryBlock<double>& b, const KeyTile<double>& k,
                 const GradientSums<double>& s, double* scratch) {
  Gradient<DoubleTag>(n, c, b, k, s, scratch).Run();
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tattn::kernels {

HWY_EXPORT(StrideF32);
HWY_EXPORT(StrideF64);
HWY_EXPORT(ScratchF32);
HWY_EXPORT(ScratchF64);
HWY_EXPORT(GradientF32);
HWY_EXPORT(GradientF64);

template <>
std::int64_t row_stride<float>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(StrideF32)(columns);
}

template <>
std::int64_t row_stride<double>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(StrideF64)(columns);
}

template <>
std::int64_t exact_gradient_scratch<float>(const BlockSizes& sizes) {
  return HWY_DYNAMIC_DISPATCH(ScratchF32)(sizes);
}

template <>
std::int64_t exact_gradient_scratch<double>(const BlockSizes& sizes) {
  return HWY_DYNAMIC_DISPATCH(ScratchF64)(sizes);
}

template <>
void exact_gradient(const BlockSizes& sizes, const Causality& causality, const QueryBlock<float>& block,
                    const KeyTile<float>& keys, const GradientSums<float>& sums, float* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(GradientF32)(sizes, causality, block, keys, sums, scratch);
}

template <>
void exact_gradient(const BlockSizes& sizes, const Causality& causality, const QueryBlock<double>& block,
                    const KeyTile<double>& keys, const GradientSums<double>& sums, double* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(GradientF64)(sizes, causality, block, keys, sums, scratch);
}

}  // namespace tattn::kernels
#endif
