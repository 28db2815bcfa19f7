#pragma once
#include <cstdint>

namespace tattn::training {

/// out = A W: `rows` x `columns`, for A (rows x model_dim) and W (model_dim x columns), all row-major. Sums are in
/// double and rounded once. Not collective.
template <class T>
void project(const T* a, std::int64_t rows, std::int64_t model_dim, const double* weight, std::int64_t columns,
             int threads, T* out);

/// sums += A^T G: model_dim x columns, for G (rows x columns). In double, in the same order for the same threads.
/// Not collective.
template <class T>
void add_weight_gradient(const T* a, const T* gradient, std::int64_t rows, std::int64_t model_dim,
                         std::int64_t columns, int threads, double* sums);

}  // namespace tattn::training
