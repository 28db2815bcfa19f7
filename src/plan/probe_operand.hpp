#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "plan/feature_search.hpp"

namespace tattn::plan {

/// Largest magnitudes over all samples. Columns are divided by them, so that powers neither overflow
/// nor, where they matter, underflow in float.
struct SampleScaling {
  std::vector<double> query;             ///< by feature
  std::vector<std::vector<double>> key;  ///< by operand, by feature
  std::vector<double> value;             ///< by operand
  double log_normaliser = 0;             ///< least log Z of any sampled query

  /// What variable l contributes to the weight of a monomial of the scaled operands.
  [[nodiscard]] double variable_weight(std::size_t l) const;
};

/// One operand's sampled rows in the layouts that the probe's loops need, and the monomial visited.
struct ProbeOperand {
  std::vector<float> columns;       ///< dim x rows, scaled
  std::vector<float> magnitude;     ///< rows x dim: |x| of keys, x^2 of queries
  std::vector<float> inverse_peak;  ///< dim: 1 / the column's peak, in units of the largest
  std::vector<float> weight;        ///< rows; sums to 1 for keys
  std::vector<float> value;         ///< keys, rows x (value_dim + 1): weight * [V 1]
  std::vector<float> value_t;       ///< keys, for gradients, value_dim x rows: V
  std::vector<float> reach;         ///< keys, rows: weight * magnitude of [V 1]
  std::vector<float> power;         ///< rows: x^alpha
  std::vector<float> derivative;    ///< rows: sum over l of (alpha_l x^(alpha - e_l) / peak_l)^2
};

[[nodiscard]] ProbeOperand load_query(const SampledRows& source, const std::vector<double>& peaks);

/// `value_peak` divides V. `gradients`: fill value_t too.
[[nodiscard]] ProbeOperand load_key(const SampledRows& source, const std::vector<double>& peaks, double value_peak,
                                    bool gradients);

/// Sets `power` to the product of the variables of `path`.
void set_power(ProbeOperand& operand, std::span<const std::int32_t> path);

/// Sets `derivative`; `path` ascends, `term` is scratch.
void set_derivative(ProbeOperand& operand, std::span<const std::int32_t> path, std::vector<float>& term);

}  // namespace tattn::plan
