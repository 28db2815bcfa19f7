#include "kernels/polynomial.hpp"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/polynomial.cpp"
// clang-format off
#include "hwy/foreach_target.h"
// clang-format on
#include "hwy/highway.h"
#include "kernels/block_product-inl.hpp"
#include "kernels/flush_subnormals.hpp"

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kBlockPanels = 4;  // lane panels whose features are kept at a time

template <class D, class T = hn::TFromD<D>>
class Polynomial {
 public:
  Polynomial(const FeatureTile& tile, const RowPanels<T>& rows, T* scratch)
      : tile_(tile), rows_(rows), next_(scratch) {
    phi_ = Take(kBlockPanels * kNodes * width_);
    adjoint_ = Take(2 * kNodes * width_);
    sums_ = Take(kTileFeatures * Stride(rows.columns));
    lane_sums_ = Take(kTileFeatures * width_);
  }

  static std::int64_t Scratch(std::int64_t columns) {
    return width_ * ((kBlockPanels + 2) * kNodes + kTileFeatures) + kTileFeatures * Stride(columns);
  }

  static std::int64_t Stride(std::int64_t columns) {
    const std::int64_t lanes = width_ / 2, rest = columns % lanes;
    return columns - rest + (rest > 2 ? lanes : 0);
  }

  HWY_ATTR void Moments(double* moments) {
    const std::int64_t stride = Stride(rows_.columns), single = rows_.columns - std::min(rows_.columns, stride);
    std::fill_n(sums_, kTileFeatures * stride, T{0});
    std::fill_n(lane_sums_, kTileFeatures * width_, T{0});
    for (std::int64_t first = 0; first < rows_.panels; first += kBlockPanels) {
      const std::int64_t panels = std::min<std::int64_t>(kBlockPanels, rows_.panels - first);
      ForPanels<kBlockPanels>(
          panels, [&]<int P>(std::int64_t p) HWY_ATTR { Generate<P>(first + p, phi_ + p * kNodes * width_); });
      AddVectors(first, panels, stride);
      for (std::int64_t c = 0; c < single; ++c)
        ForPanels<kBlockPanels>(panels, [&]<int P>(std::int64_t p) HWY_ATTR {
          AddColumn<P>(first, p, stride + c, lane_sums_ + c * kTileFeatures * kLanes);
        });
    }
    for (std::int64_t f = 0; f < tile_.features; ++f) {
      double* to = moments + f * rows_.columns;
      for (std::int64_t c = 0; c < std::min(stride, rows_.columns); ++c)
        to[c] += static_cast<double>(sums_[f * stride + c]);
      for (std::int64_t c = 0; c < single; ++c)
        to[stride + c] += LaneSum(lane_sums_ + (c * kTileFeatures + f) * kLanes);
    }
  }

  HWY_ATTR void Output(const T* factor, T* sums) {
    ForPanels<2>(rows_.panels, [&]<int P>(std::int64_t first) HWY_ATTR {
      Generate<P>(first, phi_);
      for (std::int64_t p = 0; p < P; ++p)
        AddSums(p, factor, rows_.columns, sums + (first + p) * rows_.columns * width_);
    });
  }

  HWY_ATTR void Gradient(const T* factor, T* gradient, T* sums) {
    const std::int64_t sum_columns = rows_.columns - 1;
    ForPanels<2>(rows_.panels, [&]<int P>(std::int64_t first) HWY_ATTR {
      Generate<P>(first, phi_);
      for (std::int64_t p = 0; p < P; ++p) {
        if (sums != nullptr) AddSums(p, factor, sum_columns, sums + (first + p) * sum_columns * width_);
        Adjoints(p, factor, rows_.value + (first + p) * rows_.columns * width_);
      }
      WalkBack<P>(rows_.x + first * rows_.dim * width_, gradient + first * rows_.dim * width_);
    });
  }

 private:
  static constexpr D d_{};
  static constexpr std::int64_t width_ = Width(D()), kLanes = width_ / 2;
  static constexpr std::int64_t kNodes = kMostAncestors + kTileFeatures + kHeight;

  T* Take(std::int64_t entries) { return std::exchange(next_, next_ + entries); }

  [[nodiscard]] const T* Features(const T* phi) const { return phi + tile_.ancestors * width_; }

  /// Calls f.operator()<P>(p) for all panels p, kMost or one at a time: more share the cost of finding the way.
  template <int kMost, class F>
  HWY_INLINE HWY_ATTR static void ForPanels(std::int64_t panels, const F& f) {
    std::int64_t p = 0;
    for (; p + kMost <= panels; p += kMost) f.template operator()<kMost>(p);
    for (; p < panels; ++p) f.template operator()<1>(p);
  }

  /// phi[p][node][lane] = phi[p][parent][lane] * x[variable][lane]; what pads the last six features is zero.
  template <int P>
  HWY_INLINE HWY_ATTR void Generate(std::int64_t first, T* phi) {
    const T* x = rows_.x + first * rows_.dim * width_;
    const std::int64_t nodes = tile_.ancestors + tile_.features, stride = rows_.dim * width_;
    const std::int64_t padding = round_up(tile_.features, kHeight) - tile_.features;
    for (std::int64_t p = 0; p < P; ++p) {
      std::fill_n(phi + p * kNodes * width_, width_, T{1});
      std::fill_n(phi + (p * kNodes + nodes) * width_, padding * width_, T{0});
    }
    const std::int32_t *parents = tile_.parent, *variables = tile_.variable;
    for (std::int64_t node = 1; node < nodes; ++node) {
      const T *parent = phi + parents[node] * width_, *factor = x + variables[node] * width_;
      T* to = phi + node * width_;
      Tile<D, P, 2> product;
      product.Each([&](auto& v, int p, int y) HWY_ATTR {
        v = hn::Mul(hn::Load(d_, parent + p * kNodes * width_ + y * kLanes),
                    hn::Load(d_, factor + p * stride + y * kLanes));
      });
      product.Each([&](auto& v, int p, int y)
                       HWY_ATTR { hn::Store(v, d_, to + p * kNodes * width_ + y * kLanes); });
    }
  }

  /// sums_[f][c] += sum_i phi[f][i] value_rows[i][c] over the block's panels
  HWY_INLINE HWY_ATTR void AddVectors(std::int64_t first, std::int64_t panels, std::int64_t stride) {
    const T* rows = rows_.value_rows + first * width_ * stride;
    const std::int64_t features = round_up(tile_.features, kHeight);
    std::int64_t column = 0;
    for (; column + width_ <= stride; column += width_)
      for (std::int64_t f = 0; f < features; f += kHeight)
        AddVectorTile<kHeight, 2>(f, column, panels, rows, stride);
    if (column == stride) return;
    std::int64_t f = 0;
    for (; f + 2 * kHeight <= features; f += 2 * kHeight)
      AddVectorTile<2 * kHeight, 1>(f, column, panels, rows, stride);
    if (f < features) AddVectorTile<kHeight, 1>(f, column, panels, rows, stride);
  }

  template <int H, int N>
  HWY_INLINE HWY_ATTR void AddVectorTile(std::int64_t f, std::int64_t column, std::int64_t panels, const T* rows,
                                         std::int64_t stride) {
    Tile<D, H, N> tile;
    T* at = sums_ + f * stride + column;
    tile.Each([&](auto& v, int h, int x) HWY_ATTR { v = hn::Load(d_, at + h * stride + x * width_ / 2); });
    ContractLanes(d_, tile, panels, kNodes, Features(phi_), f, rows, stride, column);
    tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, at + h * stride + x * width_ / 2); });
  }

  /// lane_sums[f][lane] += phi_[p][f] value[p][c], over both vectors of P panels: a single column, reduced over
  /// the lanes at the end
  template <int P>
  HWY_INLINE HWY_ATTR void AddColumn(std::int64_t first, std::int64_t panel, std::int64_t c,
                                     T* HWY_RESTRICT lane_sums) {
    const T* phi = Features(phi_ + panel * kNodes * width_);
    const T* at = rows_.value + ((first + panel) * rows_.columns + c) * width_;
    Tile<D, P, 2> value;
    value.Each([&](auto& v, int p, int y)
                   HWY_ATTR { v = hn::Load(d_, at + p * rows_.columns * width_ + y * kLanes); });
    for (std::int64_t f = 0; f < tile_.features; ++f) {
      auto sum = hn::Load(d_, lane_sums + f * kLanes);
      value.Each([&](auto& v, int p, int y) HWY_ATTR {
        sum = hn::MulAdd(hn::Load(d_, phi + (p * kNodes + f) * width_ + y * kLanes), v, sum);
      });
      hn::Store(sum, d_, lane_sums + f * kLanes);
    }
  }

  static double LaneSum(const T* lanes) {
    double sum = 0;
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sum += static_cast<double>(lanes[lane]);
    return sum;
  }

  /// to[c][lane] += sum_f factor[f][c] phi_[p][f][lane] for the leading `columns`
  HWY_INLINE HWY_ATTR void AddSums(std::int64_t p, const T* factor, std::int64_t columns, T* to) {
    ForColumnGroups(columns, [&]<int H>(std::int64_t c) HWY_ATTR {
      Tile<D, H, 2> tile;
      T* at = to + c * width_;
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { v = hn::Load(d_, at + h * width_ + x * kLanes); });
      ContractRows(d_, tile, ceil_div(tile_.features, kHeight), rows_.columns, factor, c,
                   Features(phi_ + p * kNodes * width_));
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, at + h * width_ + x * kLanes); });
    });
  }

  /// adjoint_[p][f][lane] = sum_c factor[f][c] value[c][lane]; the ancestors' start at zero
  HWY_INLINE HWY_ATTR void Adjoints(std::int64_t p, const T* factor, const T* value) {
    T* to = adjoint_ + p * kNodes * width_;
    std::fill_n(to, tile_.ancestors * width_, T{0});
    to += tile_.ancestors * width_;
    for (std::int64_t f = 0; f < tile_.features; f += kHeight, to += kHeight * width_) {
      Tile<D, kHeight, 2> tile;
      tile.Zero(d_);
      ContractColumns(d_, tile, rows_.columns, factor + f * rows_.columns, value);
      tile.Each([&](auto& v, int h, int y) HWY_ATTR { hn::Store(v, d_, to + h * width_ + y * kLanes); });
    }
  }

  /// From the last node to the first: a node's adjoint goes to its variable times its parent, and to its parent
  /// times its variable. The parent of neighbouring siblings stays in registers.
  template <int P>
  HWY_INLINE HWY_ATTR void WalkBack(const T* HWY_RESTRICT x, T* HWY_RESTRICT gradient) {
    const std::int32_t *parents = tile_.parent, *variables = tile_.variable;
    const std::int64_t stride = rows_.dim * width_;
    std::int64_t node = tile_.ancestors + tile_.features - 1;
    while (node > 0) {
      const std::int32_t parent = parents[node];
      Tile<D, P, 2> phi, sum;
      const auto at = [&](int p, int y) HWY_ATTR { return (p * kNodes + parent) * width_ + y * kLanes; };
      phi.Each([&](auto& v, int p, int y) HWY_ATTR { v = hn::Load(d_, phi_ + at(p, y)); });
      sum.Each([&](auto& v, int p, int y) HWY_ATTR { v = hn::Load(d_, adjoint_ + at(p, y)); });
      do {
        const T *from = adjoint_ + node * width_, *factor = x + variables[node] * width_;
        T* to = gradient + variables[node] * width_;
        sum.Each([&](auto& v, int p, int y) HWY_ATTR {
          const auto adjoint = hn::Load(d_, from + p * kNodes * width_ + y * kLanes);
          T* here = to + p * stride + y * kLanes;
          v = hn::MulAdd(adjoint, hn::Load(d_, factor + p * stride + y * kLanes), v);
          hn::Store(hn::MulAdd(adjoint, phi.v[p][y], hn::Load(d_, here)), d_, here);
        });
        --node;
      } while (parents[node] == parent);
      sum.Each([&](auto& v, int p, int y) HWY_ATTR { hn::Store(v, d_, adjoint_ + at(p, y)); });
    }
  }

  const FeatureTile& tile_;
  const RowPanels<T>& rows_;
  T* next_;
  T *phi_, *adjoint_, *sums_, *lane_sums_;
};

template <class T>
using Kernel = Polynomial<hn::ScalableTag<T>>;

std::int64_t MomentStrideF32(std::int64_t columns) {
  return Kernel<float>::Stride(columns);
}
std::int64_t MomentStrideF64(std::int64_t columns) {
  return Kernel<double>::Stride(columns);
}
std::int64_t PolynomialScratchF32(std::int64_t columns) {
  return Kernel<float>::Scratch(columns);
}
std::int64_t PolynomialScratchF64(std::int64_t columns) {
  return Kernel<double>::Scratch(columns);
}

void MomentsF32(const FeatureTile& tile, const RowPanels<float>& rows, double* moments, float* scratch) {
  Kernel<float>(tile, rows, scratch).Moments(moments);
}
void MomentsF64(const FeatureTile& tile, const RowPanels<double>& rows, double* moments, double* scratch) {
  Kernel<double>(tile, rows, scratch).Moments(moments);
}
void OutputF32(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, float* sums,
               float* scratch) {
  Kernel<float>(tile, rows, scratch).Output(factor, sums);
}
void OutputF64(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* sums,
               double* scratch) {
  Kernel<double>(tile, rows, scratch).Output(factor, sums);
}
void PolynomialGradientF32(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor,
                           float* gradient, float* sums, float* scratch) {
  Kernel<float>(tile, rows, scratch).Gradient(factor, gradient, sums);
}
void PolynomialGradientF64(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor,
                           double* gradient, double* sums, double* scratch) {
  Kernel<double>(tile, rows, scratch).Gradient(factor, gradient, sums);
}

}  // namespace tattn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tattn::kernels {

HWY_EXPORT(MomentStrideF32);
HWY_EXPORT(MomentStrideF64);
HWY_EXPORT(PolynomialScratchF32);
HWY_EXPORT(PolynomialScratchF64);
HWY_EXPORT(MomentsF32);
HWY_EXPORT(MomentsF64);
HWY_EXPORT(OutputF32);
HWY_EXPORT(OutputF64);
HWY_EXPORT(PolynomialGradientF32);
HWY_EXPORT(PolynomialGradientF64);

template <>
std::int64_t moment_stride<float>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(MomentStrideF32)(columns);
}
template <>
std::int64_t moment_stride<double>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(MomentStrideF64)(columns);
}
template <>
std::int64_t polynomial_scratch<float>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(PolynomialScratchF32)(columns);
}
template <>
std::int64_t polynomial_scratch<double>(std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(PolynomialScratchF64)(columns);
}
template <>
void add_moments(const FeatureTile& tile, const RowPanels<float>& rows, double* moments, float* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(MomentsF32)(tile, rows, moments, scratch);
}
template <>
void add_moments(const FeatureTile& tile, const RowPanels<double>& rows, double* moments, double* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(MomentsF64)(tile, rows, moments, scratch);
}
template <>
void add_output(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, float* sums,
                float* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(OutputF32)(tile, rows, factor, sums, scratch);
}
template <>
void add_output(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* sums,
                double* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(OutputF64)(tile, rows, factor, sums, scratch);
}
template <>
void add_gradient(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, float* gradient,
                  float* sums, float* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(PolynomialGradientF32)(tile, rows, factor, gradient, sums, scratch);
}
template <>
void add_gradient(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* gradient,
                  double* sums, double* scratch) {
  const FlushSubnormals flush;
  HWY_DYNAMIC_DISPATCH(PolynomialGradientF64)(tile, rows, factor, gradient, sums, scratch);
}

}  // namespace tattn::kernels
#endif
