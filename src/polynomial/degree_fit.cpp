#include "polynomial/degree_fit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "blas_threads.hpp"

// LAPACK, of OpenBLAS: solves by Cholesky factors, from one triangle of a symmetric matrix, column-major.
extern "C" void dposv_(const char* triangle, const int* size, const int* right_sides, double* matrix,
                       const int* leading, double* right, const int* leading_right, int* info);

namespace tattn::polynomial {
namespace {

constexpr double kLikely = 0.1;  // of factors: how far from 1 they are taken to be before anything is seen

}  // namespace

DegreeFit::DegreeFit(int degree)
    : columns_(static_cast<std::size_t>(degree) + 1), gram_(columns_ * columns_), right_(columns_) {}

void DegreeFit::add(std::span<const double> from_degree, double truth, double weight) {
  const double left = weight * (truth - std::accumulate(from_degree.begin(), from_degree.end(), 0.0));
  for (std::size_t g = 0; g < columns_; ++g) {
    const double mine = weight * from_degree[g];
    for (std::size_t h = 0; h <= g; ++h) gram_[g * columns_ + h] += mine * weight * from_degree[h];
    right_[g] += mine * left;
  }
  squares_ += left * left;
  fourths_ += left * left * left * left;
}

double DegreeFit::misfit() const {
  return std::sqrt(squares_);
}

void DegreeFit::apply(plan::Walk& walk) const {
  // A correction gets by chance sqrt(squares / equations) over the norm of its column; equations that count number
  // squares^2 / fourths.
  const double noise = fourths_ / squares_;
  if (!(noise > 0) || std::isinf(noise)) return;
  std::vector<double> matrix = gram_, corrections = right_;
  for (std::size_t g = 0; g < columns_; ++g) matrix[g * columns_ + g] += noise / (kLikely * kLikely);
  const auto finite = [](double x) { return std::isfinite(x); };
  if (!std::all_of(matrix.begin(), matrix.end(), finite)) return;
  const int size = static_cast<int>(columns_), one = 1;
  int info = 0;
  const BlasThreads alone(1);  // the same sums whatever the cores
  dposv_("U", &size, &one, matrix.data(), &size, corrections.data(), &size, &info);
  if (info != 0 || !std::all_of(corrections.begin(), corrections.end(), finite)) return;
  for (std::size_t node = 0; node < walk.weight.size(); ++node)
    walk.weight[node] *= 1 + corrections[static_cast<std::size_t>(walk.degree[node])];
}

}  // namespace tattn::polynomial
