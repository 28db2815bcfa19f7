#include "plan/flops.hpp"

#include <cmath>

namespace tattn::plan {
namespace {

/// sum over m = 1..n of m^t, by its polynomial (n is too large to loop over).
double power_sum(double n, int t) {
  switch (t) {
    case 1:
      return n * (n + 1) / 2;
    case 2:
      return n * (n + 1) * (2 * n + 1) / 6;
    case 3:
      return std::pow(n * (n + 1) / 2, 2);
    default:
      return n * (n + 1) * (2 * n + 1) * (3 * n * n + 3 * n - 1) / 30;
  }
}

double all_tuples(const Shape& shape) {
  double count = static_cast<double>(shape.total_rows());
  for (int u = 0; u < shape.order; ++u) count *= static_cast<double>(shape.key_rows[static_cast<std::size_t>(u)]);
  return count;
}

double tuples(const Problem& problem) {
  const Shape& shape = problem.shape;
  if (!problem.causal) return all_tuples(shape);
  return static_cast<double>(shape.slices) * power_sum(static_cast<double>(shape.rows), shape.order);
}

}  // namespace

double exact_forward_flops(const Problem& problem) {
  return 2 * static_cast<double>(problem.shape.dim + problem.shape.value_dim + 1) * tuples(problem);
}

double exact_gradient_flops(const Problem& problem) {
  return 6 * static_cast<double>(problem.shape.dim + problem.shape.value_dim) * tuples(problem);
}

double dense_forward_flops(const Problem& problem) {
  const Shape& shape = problem.shape;
  return 2 * static_cast<double>(shape.dim + shape.value_dim) * all_tuples(shape);
}

double dense_gradient_flops(const Problem& problem) {
  const Shape& shape = problem.shape;
  return 2 * static_cast<double>(3 * shape.dim + 2 * shape.value_dim) * all_tuples(shape);
}

double polynomial_forward_flops(const Problem& problem, std::int64_t features) {
  const Shape& shape = problem.shape;
  std::int64_t rows = shape.rows;
  for (int u = 0; u < shape.order; ++u) rows += shape.key_rows[static_cast<std::size_t>(u)];
  return 2 * static_cast<double>(features) * static_cast<double>(shape.value_dim + 1) *
         static_cast<double>(rows * shape.slices);
}

}  // namespace tattn::plan
