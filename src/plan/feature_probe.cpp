#include "plan/feature_probe.hpp"

#include <algorithm>
#include <cmath>

namespace tattn::plan {
namespace {

double inverse(double x) {
  return x > 0 ? 1 / x : 0;
}

/// out[c] += sum_r factor[r] matrix[r, c] for c in [first, width); four rows at a time spare loads of out.
void add_weighted_rows(const std::vector<float>& factor, const std::vector<float>& matrix, std::size_t width,
                       std::size_t first, float* out) {
  const std::size_t rows = factor.size();
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float f0 = factor[r], f1 = factor[r + 1], f2 = factor[r + 2], f3 = factor[r + 3];
    const float *m0 = &matrix[r * width], *m1 = m0 + width, *m2 = m1 + width, *m3 = m2 + width;
    for (std::size_t c = first; c < width; ++c) out[c] += f0 * m0[c] + f1 * m1[c] + (f2 * m2[c] + f3 * m3[c]);
  }
  for (; r < rows; ++r)
    for (std::size_t c = first; c < width; ++c) out[c] += factor[r] * matrix[r * width + c];
}

}  // namespace

FeatureProbe::FeatureProbe(const Sample& sample, const SampleSoftmax& softmax, const SampleScaling& scaling,
                           bool gradients)
    : dim_(static_cast<std::size_t>(sample.dim)),
      value_dim_(static_cast<std::size_t>(sample.value_dim)),
      gradients_(gradients),
      query_(load_query(sample.query, scaling.query)),
      product_(value_dim_ + 1) {
  for (std::size_t i = 0; i < query_.weight.size(); ++i)
    query_.weight[i] *= static_cast<float>(std::exp(2 * (scaling.log_normaliser - softmax.log_normaliser[i])));
  double value_scale = 1;
  for (const double peak : scaling.value) value_scale *= inverse(peak);
  load_output(softmax.output, value_scale);
  for (std::size_t u = 0; u < static_cast<std::size_t>(sample.order); ++u) {
    keys_.push_back(load_key(sample.key[u], scaling.key[u], scaling.value[u], gradients));
    moment_.emplace_back(value_dim_ + 1);
  }
}

void FeatureProbe::load_output(const std::vector<double>& output, double scale) {
  const std::size_t rows = query_.weight.size();
  std::vector<double> mean(value_dim_, 0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t m = 0; m < value_dim_; ++m)
      mean[m] += output[i * value_dim_ + m] * scale / static_cast<double>(rows);
  output_.resize(rows * value_dim_);
  output_norm_.assign(rows, 0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t m = 0; m < value_dim_; ++m) {
      const auto o = static_cast<float>(output[i * value_dim_ + m] * scale - mean[m]);
      output_[i * value_dim_ + m] = o;
      output_norm_[i] += o * o;
    }
  mean_output_.assign(mean.begin(), mean.end());
}

void FeatureProbe::visit(std::span<const std::int32_t> path) {
  set_power(query_, path);
  for (ProbeOperand& key : keys_) set_power(key, path);
  if (!gradients_) return;
  set_derivative(query_, path, rows_);
  for (ProbeOperand& key : keys_) set_derivative(key, path, rows_);
}

void FeatureProbe::measure_moments() {
  for (std::size_t u = 0; u < keys_.size(); ++u) {
    std::fill(moment_[u].begin(), moment_[u].end(), 0.0F);
    add_weighted_rows(keys_[u].power, keys_[u].value, value_dim_ + 1, 0, moment_[u].data());
  }
}

void FeatureProbe::multiply_moments(std::size_t except) {
  std::fill(product_.begin(), product_.end(), 1.0F);
  for (std::size_t u = 0; u < keys_.size(); ++u)
    for (std::size_t m = 0; u != except && m <= value_dim_; ++m) product_[m] *= moment_[u][m];
}

void FeatureProbe::spread_over_queries(const std::vector<float>& factor, QuerySpread& spread) {
  double total = 0, square = 0, mean_square = 0;
  rows_.resize(factor.size());
  for (std::size_t i = 0; i < factor.size(); ++i) {
    rows_[i] = factor[i] * query_.weight[i];
    total += rows_[i];
    square += rows_[i] * output_norm_[i];
  }
  spread.mean.assign(value_dim_, 0);
  add_weighted_rows(rows_, output_, value_dim_, 0, spread.mean.data());
  const double share = inverse(total);
  for (float& mean : spread.mean) {
    mean = static_cast<float>(mean * share);
    mean_square += mean * mean;
  }
  spread.total = total;
  spread.variance = std::max(square - total * mean_square, 0.0);
  for (std::size_t m = 0; m < value_dim_; ++m) spread.mean[m] += mean_output_[m];
}

/// sum_i a_i sum_m (product_m - O_im product_0)^2.
double FeatureProbe::mismatch(const QuerySpread& spread) const {
  const float normaliser = product_[value_dim_];
  double sum = 0;
  for (std::size_t m = 0; m < value_dim_; ++m) {
    const float gap = product_[m] - spread.mean[m] * normaliser;
    sum += gap * gap;
  }
  return spread.total * sum + static_cast<double>(normaliser * normaliser) * spread.variance;
}

/// sum_j weight_j derivative_j sum_i a_i sum_m (V_jm product_m - O_im product_0)^2, the product without this key.
double FeatureProbe::key_energy(const QuerySpread& spread, const ProbeOperand& key) {
  const std::size_t rows = key.weight.size();
  const float normaliser = product_[value_dim_];
  rows_.assign(rows, 0);
  for (std::size_t m = 0; m < value_dim_; ++m) {
    const float slope = product_[m], shift = spread.mean[m] * normaliser;
    const float* value = &key.value_t[m * rows];
    for (std::size_t j = 0; j < rows; ++j) {
      const float gap = value[j] * slope - shift;
      rows_[j] += gap * gap;
    }
  }
  const double variance = static_cast<double>(normaliser * normaliser) * spread.variance;
  double sum = 0;
  for (std::size_t j = 0; j < rows; ++j)
    sum += static_cast<double>(key.weight[j] * key.derivative[j]) * (spread.total * rows_[j] + variance);
  return sum;
}

/// sum_j weight_j k_j^2alpha sum_i a_i sum_m product_m^2, the product without this key.
double FeatureProbe::value_energy(const QuerySpread& spread, const ProbeOperand& key) const {
  double sum = 0, square = 0;
  for (std::size_t j = 0; j < key.power.size(); ++j) sum += key.weight[j] * key.power[j] * key.power[j];
  for (std::size_t m = 0; m < value_dim_; ++m) square += product_[m] * product_[m];
  return sum * square * spread.total;
}

void FeatureProbe::add_energies(double* energies) {
  measure_moments();
  squares_.resize(query_.power.size());
  for (std::size_t i = 0; i < squares_.size(); ++i) squares_[i] = query_.power[i] * query_.power[i];
  spread_over_queries(squares_, spread_);
  multiply_moments(keys_.size());
  if (!gradients_) {
    energies[0] += mismatch(spread_);
    return;
  }
  spread_over_queries(query_.derivative, derivative_spread_);
  energies[0] += mismatch(derivative_spread_);
  for (std::size_t u = 0; u < keys_.size(); ++u) {
    multiply_moments(u);
    energies[1 + u] += key_energy(spread_, keys_[u]);
    energies[1 + keys_.size() + u] += value_energy(spread_, keys_[u]);
  }
}

/// Weighted sums of the magnitudes of one operand's columns.
void FeatureProbe::weigh_columns(const std::vector<float>& factor, const ProbeOperand& operand, std::size_t first) {
  columns_.assign(dim_, 0);
  add_weighted_rows(factor, operand.magnitude, dim_, first, columns_.data());
}

void FeatureProbe::add_child_reach(std::int32_t first_variable, double* reach) {
  const auto first = static_cast<std::size_t>(first_variable);
  rows_.resize(query_.power.size());
  for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i] = query_.weight[i] * query_.power[i] * query_.power[i];
  weigh_columns(rows_, query_, first);
  reach_.assign(columns_.begin(), columns_.end());
  for (const ProbeOperand& key : keys_) {
    rows_.resize(key.power.size());
    for (std::size_t j = 0; j < rows_.size(); ++j) rows_[j] = key.reach[j] * std::abs(key.power[j]);
    weigh_columns(rows_, key, first);
    for (std::size_t l = first; l < dim_; ++l) reach_[l] *= static_cast<double>(columns_[l]) * columns_[l];
  }
  for (std::size_t l = first; l < dim_; ++l) reach[l] += reach_[l];
}

}  // namespace tattn::plan
