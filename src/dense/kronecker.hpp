#pragma once
#include <cstdint>
#include <vector>

#include "dense/matrix.hpp"

namespace tattn::dense {

/// The rows of K1 and K2 (or V1 and V2) of one slice, whole on every rank, row-major. For order 1 the second is one
/// row of ones.
struct Factors {
  std::vector<double> first, second;
  std::int64_t second_rows = 1;
  std::int64_t columns = 0;
};

/// The column-wise Kronecker product: row j1 n_2 + j2 of `product` is first[j1] * second[j2]. Local.
void fill_kronecker(const Factors& factors, Matrix& product);

/// What `gradient`, that of the product, gives its factors, this process's part of the sums:
///
///     first[j1]  = sum_j2 gradient[j1 n_2 + j2] * second[j2]     second[j2] = sum_j1 gradient[j1 n_2 + j2] *
///     first[j1]
[[nodiscard]] Factors contract(const Factors& factors, const Matrix& gradient);

}  // namespace tattn::dense
