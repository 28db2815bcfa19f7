#include "dense/kronecker.hpp"

namespace tattn::dense {
namespace {

/// Calls f(i, j, at1, at2) for each local entry of a product and the entries of its factors that make it.
template <class F>
void each_entry(const Factors& factors, const Matrix& product, const F& f) {
  for (std::int64_t j = 0; j < product.local_columns(); ++j) {
    const std::int64_t column = product.column(j);
    for (std::int64_t i = 0; i < product.local_rows(); ++i) {
      const std::int64_t tuple = product.row(i);
      f(i, j, static_cast<std::size_t>(tuple / factors.second_rows * factors.columns + column),
        static_cast<std::size_t>(tuple % factors.second_rows * factors.columns + column));
    }
  }
}

}  // namespace

void fill_kronecker(const Factors& factors, Matrix& product) {
  each_entry(factors, product, [&](std::int64_t i, std::int64_t j, std::size_t at1, std::size_t at2) {
    product.local_column(j)[i] = factors.first[at1] * factors.second[at2];
  });
}

Factors contract(const Factors& factors, const Matrix& gradient) {
  Factors sums{std::vector<double>(factors.first.size(), 0.0), std::vector<double>(factors.second.size(), 0.0),
               factors.second_rows, factors.columns};
  each_entry(factors, gradient, [&](std::int64_t i, std::int64_t j, std::size_t at1, std::size_t at2) {
    const double entry = gradient.local_column(j)[i];
    sums.first[at1] += entry * factors.second[at2];
    sums.second[at2] += entry * factors.first[at1];
  });
  return sums;
}

}  // namespace tattn::dense
