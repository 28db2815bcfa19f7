#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "plan/probe_operand.hpp"
#include "plan/sample_softmax.hpp"

namespace tattn::plan {

/// The queries' part of an energy: with a_i = factor_i weight_i (Z_least / Z_i)^2,
/// A = sum a_i, mean = sum a_i O_i / A, variance = sum a_i |O_i - mean|^2.
struct QuerySpread {
  double total = 0;
  double variance = 0;
  std::vector<float> mean;  ///< value_dim
};

/// Measures monomials on one sample: visit one, then ask.
class FeatureProbe {
 public:
  FeatureProbe(const Sample& sample, const SampleSoftmax& softmax, const SampleScaling& scaling, bool gradients);

  /// 1 for the output; for gradients dQ, dK_1.., dV_1..
  [[nodiscard]] static int components(int order, bool gradients) { return gradients ? 1 + 2 * order : 1; }

  /// Goes to the monomial that is the product of these variables, ascending.
  void visit(std::span<const std::int32_t> path);

  /// Adds its energies (without the factor weight^2) to `energies`, one a component.
  void add_energies(double* energies);

  /// Adds the reach (squared, without weight^2) of the children with variables l >= first_variable to reach[l].
  void add_child_reach(std::int32_t first_variable, double* reach);

 private:
  void load_output(const std::vector<double>& output, double scale);
  void measure_moments();
  void multiply_moments(std::size_t except);
  void spread_over_queries(const std::vector<float>& factor, QuerySpread& spread);
  [[nodiscard]] double mismatch(const QuerySpread& spread) const;
  [[nodiscard]] double key_energy(const QuerySpread& spread, const ProbeOperand& key);
  void weigh_columns(const std::vector<float>& factor, const ProbeOperand& operand, std::size_t first);
  [[nodiscard]] double value_energy(const QuerySpread& spread, const ProbeOperand& key) const;

  std::size_t dim_, value_dim_;
  bool gradients_;
  ProbeOperand query_;
  std::vector<ProbeOperand> keys_;
  std::vector<float> output_;       // queries x value_dim: O less its mean over the queries
  std::vector<float> output_norm_;  // queries: squared norms of these rows
  std::vector<float> mean_output_;
  std::vector<std::vector<float>> moment_;  // by key, value_dim + 1
  std::vector<float> product_;              // of the moments
  QuerySpread spread_, derivative_spread_;
  std::vector<float> rows_, columns_, squares_;  // scratch
  std::vector<double> reach_;
};

}  // namespace tattn::plan
