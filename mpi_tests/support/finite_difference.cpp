#include "support/finite_difference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/tolerance.hpp"

namespace tattn::test {
namespace {

constexpr double kStep = 0x1p-10;        // near eps^(1/5), a power of two
constexpr double kJointCumulant = 1082;  // of six variables with magnitude at most one

double largest(const Matrix& values) {
  double top = 0;
  for (const double x : values) top = std::max(top, std::abs(x));
  return top;
}

double absolute_sum(const Matrix& values) {
  return std::accumulate(values.begin(), values.end(), 0.0, [](double sum, double x) { return sum + std::abs(x); });
}

/// Largest product of the magnitudes of the matrices called `name`, with Q for K, without `except`.
double largest_product(const Case& c, char name, const std::string& except) {
  double product = name == 'K' && except != "Q" ? largest(c.in.at("Q")) : 1;
  for (int u = 0; u < c.problem.shape.order; ++u)
    if (numbered(std::string(1, name), u) != except) product *= largest(c.in.at(numbered(std::string(1, name), u)));
  return product;
}

/// Bound of |D - f'|.
double difference_bound(const Case& c, const std::string& operand, double error_of_f) {
  const double rounding = 1.5 * error_of_f / kStep;
  if (operand.front() == 'V') return rounding;
  const double steepness = std::abs(c.problem.scale) * largest_product(c, 'K', operand);  // |ds/dx| at most
  const double fifth =
      kJointCumulant * std::pow(steepness, 5) * largest_product(c, 'V', "") * absolute_sum(c.in.at("dO"));
  return rounding + std::pow(kStep, 4) / 30 * fifth;
}

double objective(const Case& c, const Matrix& output) {
  long double sum = 0;
  for (std::size_t i = 0; i < output.size(); ++i) sum += static_cast<long double>(output[i]) * c.in.at("dO")[i];
  return static_cast<double>(sum);
}

double difference(Case c, const std::string& operand, std::size_t entry,
                  const std::function<Matrix(const Case&)>& output_of) {
  const double x = c.in.at(operand)[entry];
  const auto f = [&](double at) {
    c.in.at(operand)[entry] = at;
    return objective(c, output_of(c));
  };
  return (8 * (f(x + kStep) - f(x - kStep)) - (f(x + 2 * kStep) - f(x - 2 * kStep))) / (12 * kStep);
}

}  // namespace

void expect_gradients_like_differences(const Case& c, const Arrays& gradients,
                                       const std::function<Matrix(const Case&)>& output_of) {
  const Arrays bound = rounding_bound(c, precision_of<double>());
  double error_of_f = 0;
  for (std::size_t i = 0; i < c.in.at("dO").size(); ++i)
    error_of_f += std::abs(c.in.at("dO")[i]) * bound.at("O")[i];
  for (const auto& operand : input_names(c.problem.shape.order)) {
    if (operand == "dO") continue;
    const Matrix& gradient = gradients.at("d" + operand);
    Matrix allowed = bound.at("d" + operand), differences;
    for (std::size_t entry = 0; entry < gradient.size(); ++entry) {
      differences.push_back(difference(c, operand, entry, output_of));
      allowed[entry] += difference_bound(c, operand, error_of_f);
    }
    EXPECT_EQ(first_difference({{operand, gradient}}, {{operand, differences}}, {{operand, allowed}}), "");
  }
}

}  // namespace tattn::test
