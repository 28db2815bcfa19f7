#include "plan/full_gradient_memory.hpp"

#include <algorithm>

#include "plan/dense_layout.hpp"

namespace tattn::plan {
namespace {

constexpr double kRows = 32;           // of a block of exact::full_gradient
constexpr double kBuffer = 1 << 16;    // doubles of its other blocks
constexpr double kFactors = 72 << 17;  // doubles that polynomial::full_gradient holds at a time

/// Doubles of the rows of operands and model that a rank copies, given its shares of them.
double copied_doubles(const Problem& problem, double model_dim, double query_share, double key_share) {
  const Shape& shape = problem.shape;
  const double columns = static_cast<double>(shape.dim + shape.value_dim) + model_dim + 2;  // 2: LSE, delta; [V 1]
  double rows = query_share * static_cast<double>(shape.total_rows());
  for (int u = 0; u < shape.order; ++u) rows += key_share * static_cast<double>(shape.total_key_rows(u));
  return rows * columns;
}

double entries(const Deal& rows, const Deal& columns) {
  return static_cast<double>(rows.size(0)) * static_cast<double>(columns.size(0));
}

/// A2 (x) A3, some columns at a time, and the products with it.
double dense_doubles(const Problem& problem, std::int64_t model_dim, int ranks) {
  const DenseLayout layout = dense_layout(problem.shape, ranks);
  return entries(layout.product_rows(), layout.product_columns(model_dim)) +
         2 * entries(layout.panel_rows(), layout.panel_columns(model_dim));
}

}  // namespace

std::int64_t full_gradient_memory_bytes(const Problem& problem, Method method, std::int64_t model_dim, int ranks,
                                        int threads) {
  const auto a = static_cast<double>(model_dim);
  const double share = 1.0 / ranks;
  double doubles = a * a * a;
  if (method == Method::dense)
    doubles += dense_doubles(problem, model_dim, ranks) + copied_doubles(problem, a, share, 1);
  else if (method == Method::polynomial)
    doubles += copied_doubles(problem, a, share, share) + kFactors;
  else  // exact holds all keys
    doubles += copied_doubles(problem, a, share, 1) +
               std::max(threads * (kRows * (a * a + a) + a * a * a + kBuffer), kFactors);
  return static_cast<std::int64_t>(std::min(doubles * sizeof(double), 9e18));
}

}  // namespace tattn::plan
