#include "training/projection.hpp"

#include <algorithm>
#include <vector>

#include "tattn/problem.hpp"

namespace tattn::training {

template <class T>
void project(const T* a, std::int64_t rows, std::int64_t model_dim, const double* weight, std::int64_t columns,
             int threads, T* out) {
#pragma omp parallel num_threads(threads)
  {
    std::vector<double> row(static_cast<std::size_t>(columns));
#pragma omp for schedule(static)
    for (std::int64_t i = 0; i < rows; ++i) {
      std::fill(row.begin(), row.end(), 0.0);
      for (std::int64_t b = 0; b < model_dim; ++b) {
        const auto factor = static_cast<double>(a[i * model_dim + b]);
        for (std::int64_t l = 0; l < columns; ++l)
          row[static_cast<std::size_t>(l)] += factor * weight[b * columns + l];
      }
      for (std::int64_t l = 0; l < columns; ++l)
        out[i * columns + l] = static_cast<T>(row[static_cast<std::size_t>(l)]);
    }
  }
}

template <class T>
void add_weight_gradient(const T* a, const T* gradient, std::int64_t rows, std::int64_t model_dim,
                         std::int64_t columns, int threads, double* sums) {
  const std::int64_t entries = model_dim * columns;
  std::vector<double> parts(static_cast<std::size_t>(threads * entries), 0.0);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (int part = 0; part < threads; ++part) {
    double* to = parts.data() + part * entries;
    const RowRange mine = even_range(rows, threads, part);
    for (std::int64_t i = mine.begin; i < mine.end; ++i)
      for (std::int64_t b = 0; b < model_dim; ++b) {
        const auto factor = static_cast<double>(a[i * model_dim + b]);
        for (std::int64_t l = 0; l < columns; ++l)
          to[b * columns + l] += factor * static_cast<double>(gradient[i * columns + l]);
      }
  }
  for (int part = 0; part < threads; ++part)
    for (std::int64_t x = 0; x < entries; ++x) sums[x] += parts[static_cast<std::size_t>(part * entries + x)];
}

template void project(const float*, std::int64_t, std::int64_t, const double*, std::int64_t, int, float*);
template void project(const double*, std::int64_t, std::int64_t, const double*, std::int64_t, int, double*);
template void add_weight_gradient(const float*, const float*, std::int64_t, std::int64_t, std::int64_t, int,
                                  double*);
template void add_weight_gradient(const double*, const double*, std::int64_t, std::int64_t, std::int64_t, int,
                                  double*);

}  // namespace tattn::training
