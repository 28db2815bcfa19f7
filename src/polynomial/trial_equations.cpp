#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <vector>

#include "polynomial/degree_fit.hpp"
#include "polynomial/polynomial.hpp"
#include "polynomial/trial.hpp"
#include "polynomial/trial_parts.hpp"

namespace tattn::polynomial {
namespace {

/// Frobenius norm of the first `columns` columns, row i counting weight[i]^power times.
double weighted_norm(const std::vector<double>& matrix, std::size_t stride, std::size_t columns,
                     const std::vector<double>& weight, int power) {
  double size = 0;
  for (std::size_t i = 0; i < weight.size(); ++i)
    for (std::size_t c = 0; c < columns; ++c)
      size += (power > 0 ? weight[i] : 1 / weight[i]) * matrix[i * stride + c] * matrix[i * stride + c];
  return std::sqrt(size);
}

}  // namespace

void Trial::add_equations(const plan::Walk& walk, DegreeFit& fit) const {
  const split::Part<double> light(tried_.problem, heavy_, plan::light_part(), tried_.views());
  if (!plan::has_tuples(light.problem().shape)) return;
  if (target_ == plan::Target::output)
    add_output_equations(walk, light, fit);
  else
    add_gradient_equations(walk, light, fit);
}

/// With N = N_light + N_heavy:  N[:, m] - O[:, m] N[:, dv] = 0 and N[:, dv] = Z, both by the exact Z.
void Trial::add_output_equations(const plan::Walk& walk, const split::Part<double>& light, DegreeFit& fit) const {
  const auto rows = static_cast<std::size_t>(light.problem().shape.rows);
  const auto values = static_cast<std::size_t>(light.problem().shape.value_dim), columns = values + 1;
  const auto degrees = static_cast<std::size_t>(walk.largest_degree()) + 1;
  std::vector<std::vector<double>> sums(degrees, std::vector<double>(rows * columns));
  for (std::size_t g = 0; g < degrees; ++g)
    weighted_sums(alone_, light.problem(), weighted_walk(walk, static_cast<int>(g)), light.operands(),
                  sums[g].data());
  const std::vector<double>& counts = row_weight_[0];
  const double output_size = weighted_norm(truth_.output, values, values, counts, 1),
               all_rows = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> terms(degrees);
  for (std::size_t x = 0; x < rows; ++x) {
    const auto i = static_cast<std::size_t>(light.query_rows().local(static_cast<std::int64_t>(x)));
    const double* heavy = heavy_sums_.data() + i * static_cast<std::size_t>(heavy_sums_.columns());
    const double share = std::exp(-truth_.lse[i]),
                 heavy_share = std::exp2(heavy[columns] - truth_.lse[i] * std::numbers::log2e);
    for (std::size_t m = output_size > 0 ? 0 : values; m < columns; ++m) {
      const double mean = m < values ? truth_.output[i * values + m] : 0;  // of the normaliser's equation none
      for (std::size_t g = 0; g < degrees; ++g)
        terms[g] = share * (sums[g][x * columns + m] - mean * sums[g][x * columns + values]);
      const double lacking = (m < values ? 0.0 : 1.0) - heavy_share * (heavy[m] - mean * heavy[values]);
      fit.add(terms, lacking, std::sqrt(counts[i]) / (m < values ? output_size : std::sqrt(all_rows)));
    }
  }
}

/// With the exact O and LSE, a gradient is linear in the weights of the monomials.
void Trial::add_gradient_equations(const plan::Walk& walk, const split::Part<double>& light, DegreeFit& fit) const {
  const auto degrees = static_cast<std::size_t>(walk.largest_degree()) + 1;
  std::vector<std::vector<std::vector<double>>> given(degrees);
  for (std::size_t g = 0; g < degrees; ++g) {
    for (const auto& array : tried_.gradients) given[g].emplace_back(array.size());
    const plan::Walk set = weighted_walk(walk, static_cast<int>(g));
    const auto gradient_pass = [&](const Problem& problem, const Operands<double>& rows,
                                   const Output<const double>& out, const double* upstream,
                                   const Gradients<double>& into) {
      polynomial::gradient<double>(alone_, problem, set, {}, rows, Options{}, out, upstream, into);
    };
    light.gradient(gradient_pass, {truth_.output.data(), truth_.lse.data()}, tried_.upstream.data(),
                   views_of(given[g]));
  }
  const auto& heavy = heavy_gradients_;
  std::vector<double> terms(degrees);
  for (std::size_t a = 0; a < heavy.size(); ++a) {
    const std::vector<double>& counts = weight_of(a);
    const std::size_t exact = heavy[a].size() / counts.size(), tried = tried_.gradients[a].size() / counts.size(),
                      columns = columns_of(a);
    const double size = weighted_norm(truth_.gradients[a], exact, columns, counts, -1);
    if (!(size > 0)) continue;
    for (std::size_t i = 0; i < counts.size(); ++i)
      for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t g = 0; g < degrees; ++g) terms[g] = given[g][a][i * tried + c];
        const std::size_t at = i * exact + c;
        fit.add(terms, truth_.gradients[a][at] - heavy[a][at], 1 / (std::sqrt(counts[i]) * size));
      }
  }
}

}  // namespace tattn::polynomial
