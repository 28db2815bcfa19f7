#include "support/tolerance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/plain_attention.hpp"

namespace tattn::test {
namespace {

Case absolute(Case c) {
  c.problem.scale = std::abs(c.problem.scale);
  for (auto& [name, values] : c.in)
    for (double& x : values) x = std::abs(x);
  return c;
}

/// e of every tuple of the row. `condition` has the scores of absolute values.
std::vector<Real> score_errors(const Shape& shape, const SoftmaxRow& at, const SoftmaxRow& condition, Real eps) {
  const Real rounds = sum_error(static_cast<double>(shape.dim)) + shape.order + 2;
  const Real largest = *std::max_element(condition.score.begin(), condition.score.end());
  std::vector<Real> errors;
  for (const Real magnitude : condition.score)
    errors.push_back(eps * (rounds * magnitude + 2 * largest + std::abs(at.lse)));
  return errors;
}

Real weighted_sum(const std::vector<Real>& weights, const std::vector<Real>& values) {
  return std::inner_product(weights.begin(), weights.end(), values.begin(), Real{0});
}

/// Terms of the longest sum of any gradient: dQ sums over all keys, dK_u over the queries instead of K_u.
double longest_sum(const Shape& shape) {
  double tuples = 1;
  for (int u = 0; u < shape.order; ++u) tuples *= static_cast<double>(shape.key_rows[u]);
  const auto shortest = *std::min_element(shape.key_rows.begin(), shape.key_rows.begin() + shape.order);
  return tuples * std::max(1.0, static_cast<double>(shape.rows) / static_cast<double>(shortest));
}

/// Bounds of one row of a case.
class RowBound {
 public:
  /// `size` is the case with absolute values.
  RowBound(const View& c, const View& size, std::int64_t slice, std::int64_t row, Precision precision)
      : size_(size), shape_(c.problem.shape), at_(softmax_row(c, slice, row)), precision_(precision) {
    const SoftmaxRow condition = softmax_row(size, slice, row);
    const auto tuples = static_cast<double>(at_.tuples.size());
    const auto e = score_errors(shape_, at_, condition, precision.eps);
    const Real mean = weighted_sum(at_.weight, e);
    lse_ = mean + std::abs(at_.lse) * precision.eps + (sum_error(tuples) + 4) * precision.eps;
    for (const Real x : e) w_.push_back(std::expm1(x + mean) + (sum_error(tuples) + 8) * precision.eps);
    for (const Tuple& j : at_.tuples) {
      dp_.push_back(upstream_product(c, at_, j));
      dp_size_.push_back(upstream_product(size, at_, j));
    }
  }

  void add_to(Sums& bound) const {
    bound.lse(at_.slice, at_.row, 0) = lse_;
    const double tuples = static_cast<double>(at_.tuples.size()), longest = longest_sum(shape_);
    add_output(size_, at_, weight_errors(tuples), bound);
    add_gradients(size_, at_, weight_errors(longest), ds_errors(tuples, longest), bound);
  }

 private:
  /// Of a weight in a sum of `terms` products.
  [[nodiscard]] std::vector<Real> weight_errors(double terms) const {
    std::vector<Real> errors;
    for (std::size_t k = 0; k < w_.size(); ++k)
      errors.push_back(at_.weight[k] * (w_[k] + (sum_error(terms) + shape_.order + 1) * precision_.eps) +
                       precision_.smallest);
    return errors;
  }

  [[nodiscard]] std::vector<Real> ds_errors(double tuples, double terms) const {
    const Real delta = weighted_sum(at_.weight, dp_), delta_size = weighted_sum(at_.weight, dp_size_);
    const Real products = (sum_error(static_cast<double>(shape_.value_dim)) + shape_.order + 2) * precision_.eps;
    const Real delta_error = weighted_sum(weight_errors(tuples), dp_size_) + products * delta_size;
    const Real sums = (sum_error(terms) + shape_.order + 3) * precision_.eps;
    std::vector<Real> errors;
    for (std::size_t k = 0; k < w_.size(); ++k)
      errors.push_back(at_.weight[k] *
                           ((w_[k] + sums) * std::abs(dp_[k] - delta) + products * dp_size_[k] + delta_error) +
                       precision_.smallest * (1 + dp_size_[k] + delta_size));
    return errors;
  }

  const View& size_;
  Shape shape_;
  SoftmaxRow at_;
  Precision precision_;
  Real lse_ = 0;
  std::vector<Real> w_, dp_, dp_size_;
};

struct Worst {
  std::size_t index = 0, beyond = 0;
  double excess = 0;
};

Worst worst_of(const Matrix& got, const Matrix& want, const Matrix& bound) {
  Worst worst;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(got[i] - want[i]);
    if (error <= bound[i]) continue;  // false for NaN, so NaN goes on
    const double excess = std::isfinite(error) ? error / bound[i] : std::numeric_limits<double>::infinity();
    ++worst.beyond;
    if (excess > worst.excess) worst = {i, worst.beyond, excess};
  }
  return worst;
}

}  // namespace

double sum_error(double terms) {
  return std::min(terms, 4 * std::sqrt(terms));
}

Arrays rounding_bound(const Case& c, Precision precision) {
  const Case size = absolute(c);
  const View view(c), size_view(size);
  Sums bound(c.problem.shape);
  for (std::int64_t b = 0; b < c.problem.shape.slices; ++b)
    for (std::int64_t i = 0; i < c.problem.shape.rows; ++i)
      RowBound(view, size_view, b, i, precision).add_to(bound);
  return bound.rounded_to_double();
}

Arrays times(double a, Arrays x) {
  for (auto& [name, values] : x)
    for (double& v : values) v *= a;
  return x;
}

Arrays plus(Arrays a, const Arrays& b) {
  for (auto& [name, values] : a)
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += b.at(name)[i];
  return a;
}

std::string first_difference(const Arrays& got, const Arrays& want, const Arrays& bound) {
  std::string message;
  double excess = 0;
  for (const auto& [name, expected] : want) {
    if (!got.contains(name) || got.at(name).size() != expected.size())
      return fmt::format("{} is missing or has another size", name);
    const Worst worst = worst_of(got.at(name), expected, bound.at(name));
    if (worst.excess <= excess) continue;
    excess = worst.excess;
    message = fmt::format("{}[{}] is {:.17g}, expected {:.17g} within {:.3g}; {} of {} entries are beyond", name,
                          worst.index, got.at(name)[worst.index], expected[worst.index],
                          bound.at(name)[worst.index], worst.beyond, expected.size());
  }
  return message;
}

}  // namespace tattn::test
