#include "plan/probe_operand.hpp"

#include <algorithm>
#include <cmath>

namespace tattn::plan {
namespace {

double inverse(double x) {
  return x > 0 ? 1 / x : 0;
}

/// 1 / peak, in units of the largest so that squares stay in range; only ratios within one operand count.
std::vector<float> relative_inverse(const std::vector<double>& peaks) {
  double largest = 0;
  for (const double peak : peaks) largest = std::max(largest, inverse(peak));
  std::vector<float> result;
  for (const double peak : peaks) result.push_back(static_cast<float>(inverse(peak) * inverse(largest)));
  return result;
}

void load_columns(const SampledRows& source, const std::vector<double>& peaks, bool squared,
                  ProbeOperand& operand) {
  const auto rows = static_cast<std::size_t>(source.rows), dim = peaks.size();
  operand.columns.resize(rows * dim);
  operand.magnitude.resize(rows * dim);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t l = 0; l < dim; ++l) {
      const auto x = static_cast<float>(source.x[r * dim + l] * inverse(peaks[l]));
      operand.columns[l * rows + r] = x;
      operand.magnitude[r * dim + l] = squared ? x * x : std::abs(x);
    }
  operand.power.resize(rows);
  operand.inverse_peak = relative_inverse(peaks);
}

}  // namespace

double SampleScaling::variable_weight(std::size_t l) const {
  double weight = query[l];
  for (const auto& peaks : key) weight *= peaks[l];
  return weight;
}

ProbeOperand load_query(const SampledRows& source, const std::vector<double>& peaks) {
  ProbeOperand query;
  load_columns(source, peaks, true, query);
  query.weight.assign(source.weight.begin(), source.weight.end());
  return query;
}

ProbeOperand load_key(const SampledRows& source, const std::vector<double>& peaks, double value_peak,
                      bool gradients) {
  ProbeOperand key;
  load_columns(source, peaks, false, key);
  const std::size_t rows = key.power.size(), value_dim = source.value.size() / rows, width = value_dim + 1;
  key.value.resize(rows * width);
  key.weight.resize(rows);
  key.reach.resize(rows);
  if (gradients) key.value_t.resize(value_dim * rows);
  double total = 0, mean_square = 0;
  for (const double w : source.weight) total += w;
  std::vector<double> norm(rows, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const double w = source.weight[r] / total;
    key.weight[r] = static_cast<float>(w);
    for (std::size_t m = 0; m < value_dim; ++m) {
      const double v = source.value[r * value_dim + m] * inverse(value_peak);
      key.value[r * width + m] = static_cast<float>(w * v);
      if (gradients) key.value_t[m * rows + r] = static_cast<float>(v);
      norm[r] += v * v;
    }
    key.value[r * width + value_dim] = static_cast<float>(w);
    mean_square += w * norm[r];
  }
  for (std::size_t r = 0; r < rows; ++r)
    key.reach[r] = static_cast<float>(key.weight[r] * (std::sqrt(norm[r]) + std::sqrt(mean_square) + 1e-30));
  return key;
}

void set_power(ProbeOperand& operand, std::span<const std::int32_t> path) {
  const std::size_t rows = operand.power.size();
  std::fill(operand.power.begin(), operand.power.end(), 1.0F);
  for (const std::int32_t l : path) {
    const float* column = &operand.columns[static_cast<std::size_t>(l) * rows];
    for (std::size_t r = 0; r < rows; ++r) operand.power[r] *= column[r];
  }
}

void set_derivative(ProbeOperand& operand, std::span<const std::int32_t> path, std::vector<float>& term) {
  const std::size_t rows = operand.power.size();
  operand.derivative.assign(rows, 0);
  for (std::size_t at = 0; at < path.size();) {
    std::size_t end = at;
    while (end < path.size() && path[end] == path[at]) ++end;
    const float factor = static_cast<float>(end - at) * operand.inverse_peak[static_cast<std::size_t>(path[at])];
    term.assign(rows, factor);
    for (std::size_t other = 0; other < path.size(); ++other) {
      if (other == at) continue;
      const float* column = &operand.columns[static_cast<std::size_t>(path[other]) * rows];
      for (std::size_t r = 0; r < rows; ++r) term[r] *= column[r];
    }
    for (std::size_t r = 0; r < rows; ++r) operand.derivative[r] += term[r] * term[r];
    at = end;
  }
}

}  // namespace tattn::plan
