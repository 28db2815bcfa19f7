#include "polynomial/degree_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

// LAPACK, of OpenBLAS: least squares of smallest norm by singular values. Matrices column-major.
extern "C" void dgelsd_(const int* rows, const int* columns, const int* right_sides, double* matrix,
                        const int* leading, double* right, const int* leading_right, double* singular_values,
                        const double* cutoff, int* rank, double* work, const int* work_size, int* integer_work,
                        int* info);

namespace tattn::polynomial {
namespace {

constexpr double kLikely = 0.1;    // of factors: how far from 1 they are taken to be before anything is seen
constexpr double kCutoff = 1e-12;  // of the largest singular value: below, a change of the factors is rounding

}  // namespace

void DegreeFit::add(std::span<const double> from_degree, double truth, double weight) {
  for (const double x : from_degree) matrix_.push_back(weight * x);
  left_.push_back(weight * (truth - std::accumulate(from_degree.begin(), from_degree.end(), 0.0)));
}

double DegreeFit::misfit() const {
  return std::sqrt(std::inner_product(left_.begin(), left_.end(), left_.begin(), 0.0));
}

/// The standard deviation that corrections get by chance, times the norm of their column: what is left over the
/// number of equations, of which those count that are not small beside others.
double DegreeFit::chance() const {
  double squares = 0, fourths = 0;
  for (const double x : left_) {
    squares += x * x;
    fourths += x * x * x * x;
  }
  return squares > 0 ? std::sqrt(fourths / squares) : 0;  // sqrt(squares / (squares^2 / fourths))
}

std::vector<double> DegreeFit::corrections() const {
  const std::size_t equations = left_.size(), all = equations + columns_;
  std::vector<double> matrix(all * columns_), right(all), singular(columns_);
  for (std::size_t i = 0; i < equations; ++i)
    for (std::size_t g = 0; g < columns_; ++g) matrix[g * all + i] = matrix_[i * columns_ + g];
  for (std::size_t g = 0; g < columns_; ++g) matrix[g * all + equations + g] = chance() / kLikely;
  std::copy(left_.begin(), left_.end(), right.begin());
  const int rows = static_cast<int>(all), columns = static_cast<int>(columns_), one = 1, ask = -1;
  int rank = 0, integers = 0, info = 0;
  double doubles = 0;
  const auto solve = [&](double* work, const int* size, int* integer_work) {
    dgelsd_(&rows, &columns, &one, matrix.data(), &rows, right.data(), &rows, singular.data(), &kCutoff, &rank,
            work, size, integer_work, &info);
  };
  solve(&doubles, &ask, &integers);
  const int size = static_cast<int>(doubles);
  std::vector<double> work(static_cast<std::size_t>(size));
  std::vector<int> integer_work(static_cast<std::size_t>(std::max(integers, 1)));
  solve(work.data(), &size, integer_work.data());
  right.resize(columns_);
  const bool good = info == 0 && std::all_of(right.begin(), right.end(), [](double x) { return std::isfinite(x); });
  return good ? right : std::vector<double>{};
}

void DegreeFit::apply(plan::Walk& walk) const {
  const auto finite = [](double x) { return std::isfinite(x); };
  if (left_.empty() || !std::all_of(matrix_.begin(), matrix_.end(), finite) ||
      !std::all_of(left_.begin(), left_.end(), finite))
    return;
  const std::vector<double> found = corrections();
  if (found.empty()) return;
  for (std::size_t node = 0; node < walk.weight.size(); ++node)
    walk.weight[node] *= 1 + found[static_cast<std::size_t>(walk.degree[node])];
}

}  // namespace tattn::polynomial
