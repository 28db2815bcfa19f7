#include "dense/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::dense {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

/// The values of `global` rows at the local rows of a matrix.
std::vector<double> local_values(const Matrix& matrix, const std::vector<double>& global) {
  std::vector<double> values(static_cast<std::size_t>(matrix.local_rows()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = global[static_cast<std::size_t>(matrix.row(static_cast<std::int64_t>(i)))];
  return values;
}

/// The results of all process columns for each row, combined in the order of the columns.
template <class Combine>
std::vector<double> over_columns(const Grid& grid, const std::vector<double>& mine, const Combine& combine) {
  const std::vector<double> all = grid.gather_in_row(mine);
  std::vector<double> result(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(mine.size()));
  for (std::size_t x = mine.size(); x < all.size(); ++x) {
    double& to = result[x % mine.size()];
    to = combine(to, all[x]);
  }
  return result;
}

}  // namespace

void mask_later_keys(Matrix& scores, std::int64_t second_rows) {
  for (std::int64_t j = 0; j < scores.local_columns(); ++j) {
    const std::int64_t tuple = scores.column(j), latest = std::max(tuple / second_rows, tuple % second_rows);
    for (std::int64_t i = 0; i < scores.local_rows(); ++i)
      if (latest > scores.row(i)) scores.local_column(j)[i] = kNothing;
  }
}

std::vector<double> softmax_rows(const Grid& grid, Matrix& scores) {
  const auto rows = static_cast<std::size_t>(scores.local_rows());
  std::vector<double> top(rows, kNothing), total(rows, 0.0);
  for (std::int64_t j = 0; j < scores.local_columns(); ++j)
    for (std::size_t i = 0; i < rows; ++i) top[i] = std::max(top[i], scores.local_column(j)[i]);
  top = over_columns(grid, top, [](double a, double b) { return std::max(a, b); });
  for (std::int64_t j = 0; j < scores.local_columns(); ++j)
    for (std::size_t i = 0; i < rows; ++i) {
      double& entry = scores.local_column(j)[i];
      entry = std::exp(entry - top[i]);
      total[i] += entry;
    }
  total = over_columns(grid, total, [](double a, double b) { return a + b; });
  for (std::int64_t j = 0; j < scores.local_columns(); ++j)
    for (std::size_t i = 0; i < rows; ++i) scores.local_column(j)[i] /= total[i];
  for (std::size_t i = 0; i < rows; ++i) top[i] += std::log(total[i]);
  return top;
}

void weights_of_scores(const std::vector<double>& lse, Matrix& scores) {
  const std::vector<double> here = local_values(scores, lse);
  for (std::int64_t j = 0; j < scores.local_columns(); ++j)
    for (std::size_t i = 0; i < here.size(); ++i) {
      double& entry = scores.local_column(j)[i];
      entry = std::exp(entry - here[i]);
    }
}

void softmax_derivative(const Matrix& weights, const std::vector<double>& delta, Matrix& d_weights) {
  const std::vector<double> here = local_values(weights, delta);
  for (std::int64_t j = 0; j < weights.local_columns(); ++j)
    for (std::size_t i = 0; i < here.size(); ++i) {
      double& entry = d_weights.local_column(j)[i];
      entry = weights.local_column(j)[i] * (entry - here[i]);
    }
}

}  // namespace tattn::dense
