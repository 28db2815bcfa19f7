#pragma once
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace tattn::training {

/// Sums in index order: the same bits on every rank.
[[nodiscard]] inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

[[nodiscard]] inline double norm(const std::vector<double>& a) {
  return std::sqrt(dot(a, a));
}

/// y += factor x
inline void add(std::vector<double>& y, double factor, const std::vector<double>& x) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] += factor * x[i];
}

[[nodiscard]] inline std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result = a;
  add(result, -1, b);
  return result;
}

}  // namespace tattn::training
