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

HWY_BEFORE_NAMESPACE();
namespace tattn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kBlockPanels = 4;      // lane panels whose features are kept at a time
constexpr std::int64_t kMostAncestors = 128;  // above any degree a plan can have

template <class D, class T = hn::TFromD<D>>
class Polynomial {
 public:
  Polynomial(const FeatureTile& tile, const RowPanels<T>& rows, T* scratch)
      : tile_(tile), rows_(rows), next_(scratch) {
    phi_ = Take(kBlockPanels * kNodes * width_);
    adjoint_ = Take(kNodes * width_);
    gradient_ = Take(rows.dim * width_);
    sums_ = Take(kTileFeatures * Stride(rows.columns));
    lane_sums_ = Take(kTileFeatures * 2 * width_);
  }

  static std::int64_t Scratch(std::int64_t dim, std::int64_t columns) {
    return width_ * ((kBlockPanels + 1) * kNodes + dim + 2 * kTileFeatures) + kTileFeatures * Stride(columns);
  }

  static std::int64_t Stride(std::int64_t columns) {
    const std::int64_t lanes = width_ / 2, rest = columns % lanes;
    return columns - rest + (rest > 2 ? lanes : 0);
  }

  HWY_ATTR void Moments(double* moments) {
    const std::int64_t stride = Stride(rows_.columns), single = rows_.columns - std::min(rows_.columns, stride);
    std::fill_n(sums_, kTileFeatures * stride, T{0});
    std::fill_n(lane_sums_, kTileFeatures * 2 * width_, T{0});
    for (std::int64_t first = 0; first < rows_.panels; first += kBlockPanels) {
      const std::int64_t panels = std::min(kBlockPanels, rows_.panels - first);
      for (std::int64_t p = 0; p < panels; ++p) Generate(first + p, phi_ + p * kNodes * width_);
      AddVectors(first, panels, stride);
      for (std::int64_t c = 0; c < single; ++c)
        AddColumn(first, panels, stride + c, lane_sums_ + c * kTileFeatures * width_);
    }
    for (std::int64_t f = 0; f < tile_.features; ++f) {
      double* to = moments + f * rows_.columns;
      for (std::int64_t c = 0; c < std::min(stride, rows_.columns); ++c)
        to[c] += static_cast<double>(sums_[f * stride + c]);
      for (std::int64_t c = 0; c < single; ++c)
        to[stride + c] += LaneSum(lane_sums_ + (c * kTileFeatures + f) * width_);
    }
  }

  HWY_ATTR void Output(const T* factor, double* sums) {
    for (std::int64_t p = 0; p < rows_.panels; ++p) {
      Generate(p, phi_);
      AddSums(factor, sums + p * rows_.columns * width_);
    }
  }

  HWY_ATTR void Gradient(const T* factor, double* gradient, double* sums) {
    for (std::int64_t p = 0; p < rows_.panels; ++p) {
      Generate(p, phi_);
      if (sums != nullptr) AddSums(factor, sums + p * rows_.columns * width_);
      Adjoints(p, factor);
      WalkBack(p);
      double* to = gradient + p * rows_.dim * width_;
      for (std::int64_t x = 0; x < rows_.dim * width_; ++x) to[x] += static_cast<double>(gradient_[x]);
    }
  }

 private:
  static constexpr D d_{};
  static constexpr std::int64_t width_ = Width(D());
  static constexpr std::int64_t kNodes = kMostAncestors + kTileFeatures + kHeight;

  T* Take(std::int64_t entries) { return std::exchange(next_, next_ + entries); }

  [[nodiscard]] const T* Features(const T* phi) const { return phi + tile_.ancestors * width_; }

  /// phi[node][lane] = phi[parent][lane] * x[variable][lane]; what pads the last six features is zero.
  HWY_INLINE HWY_ATTR void Generate(std::int64_t panel, T* HWY_RESTRICT phi) {
    const T* HWY_RESTRICT x = rows_.x + panel * rows_.dim * width_;
    const std::int64_t nodes = tile_.ancestors + tile_.features, lanes = width_ / 2;
    for (std::int64_t node = 0; node < nodes; ++node) {
      T* to = phi + node * width_;
      if (tile_.parent[node] < 0) {
        std::fill_n(to, width_, T{1});
        continue;
      }
      const T *parent = phi + tile_.parent[node] * width_, *factor = x + tile_.variable[node] * width_;
      hn::Store(hn::Mul(hn::Load(d_, parent), hn::Load(d_, factor)), d_, to);
      hn::Store(hn::Mul(hn::Load(d_, parent + lanes), hn::Load(d_, factor + lanes)), d_, to + lanes);
    }
    std::fill_n(phi + nodes * width_, (round_up(tile_.features, kHeight) - tile_.features) * width_, T{0});
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

  /// lane_sums[f][lane] += phi[f][lane] value[c][lane]: a single column, reduced over the lanes at the end
  HWY_INLINE HWY_ATTR void AddColumn(std::int64_t first, std::int64_t panels, std::int64_t c,
                                     T* HWY_RESTRICT lane_sums) {
    const std::int64_t lanes = width_ / 2;
    const T* value = rows_.value + (first * rows_.columns + c) * width_;
    for (std::int64_t f = 0; f < tile_.features; ++f) {
      auto low = hn::Load(d_, lane_sums + f * width_), high = hn::Load(d_, lane_sums + f * width_ + lanes);
      for (std::int64_t p = 0; p < panels; ++p) {
        const T *phi = Features(phi_) + (p * kNodes + f) * width_, *v = value + p * rows_.columns * width_;
        low = hn::MulAdd(hn::Load(d_, phi), hn::Load(d_, v), low);
        high = hn::MulAdd(hn::Load(d_, phi + lanes), hn::Load(d_, v + lanes), high);
      }
      hn::Store(low, d_, lane_sums + f * width_);
      hn::Store(high, d_, lane_sums + f * width_ + lanes);
    }
  }

  static double LaneSum(const T* lanes) {
    double sum = 0;
    for (std::int64_t lane = 0; lane < width_; ++lane) sum += static_cast<double>(lanes[lane]);
    return sum;
  }

  /// to[c][lane] += sum_f factor[f][c] phi[f][lane]
  HWY_INLINE HWY_ATTR void AddSums(const T* factor, double* to) {
    ForColumnGroups(rows_.columns, [&]<int H>(std::int64_t c) HWY_ATTR {
      Tile<D, H, 2> tile;
      tile.Zero(d_);
      ContractRows(d_, tile, ceil_div(tile_.features, kHeight), rows_.columns, factor, c, Features(phi_));
      HWY_ALIGN T sums[H * width_];
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, sums + h * width_ + x * width_ / 2); });
      for (std::int64_t x = 0; x < H * width_; ++x) to[c * width_ + x] += static_cast<double>(sums[x]);
    });
  }

  /// adjoint[f][lane] = sum_c factor[f][c] value[c][lane]; the ancestors' start at zero
  HWY_INLINE HWY_ATTR void Adjoints(std::int64_t panel, const T* factor) {
    std::fill_n(adjoint_, tile_.ancestors * width_, T{0});
    T* to = adjoint_ + tile_.ancestors * width_;
    const T* value = rows_.value + panel * rows_.columns * width_;
    for (std::int64_t f = 0; f < tile_.features; f += kHeight, to += kHeight * width_) {
      Tile<D, kHeight, 2> tile;
      tile.Zero(d_);
      ContractColumns(d_, tile, rows_.columns, factor + f * rows_.columns, value);
      tile.Each([&](auto& v, int h, int x) HWY_ATTR { hn::Store(v, d_, to + h * width_ + x * width_ / 2); });
    }
  }

  /// From the last node to the first: a node's adjoint goes to its variable times its parent, and to its parent
  /// times its variable.
  HWY_INLINE HWY_ATTR void WalkBack(std::int64_t panel) {
    const T* HWY_RESTRICT x = rows_.x + panel * rows_.dim * width_;
    std::fill_n(gradient_, rows_.dim * width_, T{0});
    for (std::int64_t node = tile_.ancestors + tile_.features - 1; node >= 0; --node) {
      if (tile_.parent[node] < 0) continue;
      const std::int64_t parent = tile_.parent[node] * width_, variable = tile_.variable[node] * width_;
      for (std::int64_t at = 0; at < width_; at += width_ / 2) {
        const auto adjoint = hn::Load(d_, adjoint_ + node * width_ + at);
        T *to_x = gradient_ + variable + at, *to_parent = adjoint_ + parent + at;
        hn::Store(hn::MulAdd(adjoint, hn::Load(d_, phi_ + parent + at), hn::Load(d_, to_x)), d_, to_x);
        hn::Store(hn::MulAdd(adjoint, hn::Load(d_, x + variable + at), hn::Load(d_, to_parent)), d_, to_parent);
      }
    }
  }

  const FeatureTile& tile_;
  const RowPanels<T>& rows_;
  T* next_;
  T *phi_, *adjoint_, *gradient_, *sums_, *lane_sums_;
};

template <class T>
using Kernel = Polynomial<hn::ScalableTag<T>>;

std::int64_t MomentStrideF32(std::int64_t columns) {
  return Kernel<float>::Stride(columns);
}
std::int64_t MomentStrideF64(std::int64_t columns) {
  return Kernel<double>::Stride(columns);
}
std::int64_t PolynomialScratchF32(std::int64_t d, std::int64_t c) {
  return Kernel<float>::Scratch(d, c);
}
std::int64_t PolynomialScratchF64(std::int64_t d, std::int64_t c) {
  return Kernel<double>::Scratch(d, c);
}

void MomentsF32(const FeatureTile& tile, const RowPanels<float>& rows, double* moments, float* scratch) {
  Kernel<float>(tile, rows, scratch).Moments(moments);
}
void MomentsF64(const FeatureTile& tile, const RowPanels<double>& rows, double* moments, double* scratch) {
  Kernel<double>(tile, rows, scratch).Moments(moments);
}
void OutputF32(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, double* sums,
               float* scratch) {
  Kernel<float>(tile, rows, scratch).Output(factor, sums);
}
void OutputF64(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* sums,
               double* scratch) {
  Kernel<double>(tile, rows, scratch).Output(factor, sums);
}
void PolynomialGradientF32(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor,
                           double* gradient, double* sums, float* scratch) {
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
std::int64_t polynomial_scratch<float>(std::int64_t dim, std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(PolynomialScratchF32)(dim, columns);
}
template <>
std::int64_t polynomial_scratch<double>(std::int64_t dim, std::int64_t columns) {
  return HWY_DYNAMIC_DISPATCH(PolynomialScratchF64)(dim, columns);
}
template <>
void add_moments(const FeatureTile& tile, const RowPanels<float>& rows, double* moments, float* scratch) {
  HWY_DYNAMIC_DISPATCH(MomentsF32)(tile, rows, moments, scratch);
}
template <>
void add_moments(const FeatureTile& tile, const RowPanels<double>& rows, double* moments, double* scratch) {
  HWY_DYNAMIC_DISPATCH(MomentsF64)(tile, rows, moments, scratch);
}
template <>
void add_output(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, double* sums,
                float* scratch) {
  HWY_DYNAMIC_DISPATCH(OutputF32)(tile, rows, factor, sums, scratch);
}
template <>
void add_output(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* sums,
                double* scratch) {
  HWY_DYNAMIC_DISPATCH(OutputF64)(tile, rows, factor, sums, scratch);
}
template <>
void add_gradient(const FeatureTile& tile, const RowPanels<float>& rows, const float* factor, double* gradient,
                  double* sums, float* scratch) {
  HWY_DYNAMIC_DISPATCH(PolynomialGradientF32)(tile, rows, factor, gradient, sums, scratch);
}
template <>
void add_gradient(const FeatureTile& tile, const RowPanels<double>& rows, const double* factor, double* gradient,
                  double* sums, double* scratch) {
  HWY_DYNAMIC_DISPATCH(PolynomialGradientF64)(tile, rows, factor, gradient, sums, scratch);
}

}  // namespace tattn::kernels
#endif
