#pragma once
#include <cstdint>

namespace tattn::kernels {

/// Neighbouring nodes of a monomial walk, with their values' way from the root: `ancestors` nodes that are only
/// needed to make the `features` nodes after them. Node 0 is the constant 1; each other node is an earlier one
/// times one variable.
struct FeatureTile {
  std::int64_t ancestors = 0;
  std::int64_t features = 0;               ///< at most kTileFeatures
  const std::int32_t* parent = nullptr;    ///< [ancestors + features], local index; -1 for the constant
  const std::int32_t* variable = nullptr;  ///< [ancestors + features]
};

inline constexpr std::int64_t kTileFeatures = 96;
inline constexpr std::int64_t kMostAncestors = 128;  ///< of a tile; above any degree a plan can have

/// Sequence rows of one operand in the layouts of the kernels; W = panel_width. `value` are the columns that
/// multiply the features: [V 1] of a key, dN of the queries. Missing rows are zero.
template <class T>
struct RowPanels {
  std::int64_t panels = 0;
  std::int64_t dim = 0;
  std::int64_t columns = 0;
  const T* x = nullptr;           ///< [panels][dim][W]
  const T* value = nullptr;       ///< [panels][columns][W]; not for add_output; add_moments: beyond value_rows
  const T* value_rows = nullptr;  ///< [panels * W][moment_stride(columns)]: leading columns of `value`, for moments
};

/// Columns of `value_rows`: whole vectors, without the last one or two columns where these would need a vector
/// of their own.
template <class T>
[[nodiscard]] std::int64_t moment_stride(std::int64_t columns);

/// Reduce over the sequence: moments[f][c] += sum_i Phi[i, f] value[i, c]; row-major [features][columns].
template <class T>
void add_moments(const FeatureTile& tile, const RowPanels<T>& rows, double* moments, T* scratch);

/// Reduce over features: sums[panel][c][lane] += sum_f Phi[i, f] factor[f][c]. `factor` in broadcast panels
/// [ceil(features / 6)][columns][6], missing features zero. The sums are in T: take them into double after some
/// hundred features.
template <class T>
void add_output(const FeatureTile& tile, const RowPanels<T>& rows, const T* factor, T* sums, T* scratch);

/// The adjoint of Phi: with dPhi[i, f] = sum_c value[i, c] factor[f][c], adds to gradient[panel][l][lane] the
/// sum over f of dPhi[i, f] dPhi[i,f]/dx[i,l], and, unless `sums` is null, what add_output adds in all columns
/// but the last, to sums[panel][columns - 1][lane].
template <class T>
void add_gradient(const FeatureTile& tile, const RowPanels<T>& rows, const T* factor, T* gradient, T* sums,
                  T* scratch);

/// Entries of `scratch` that any of the three needs.
template <class T>
[[nodiscard]] std::int64_t polynomial_scratch(std::int64_t columns);

}  // namespace tattn::kernels
