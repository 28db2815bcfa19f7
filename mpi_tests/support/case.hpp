#pragma once
// A whole attention problem on one rank, in double: what the twin computes and what scatter.hpp cuts up.
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tattn/problem.hpp"

namespace tattn::test {

using Matrix = std::vector<double>;            // row-major, slices one under the other
using Arrays = std::map<std::string, Matrix>;  // by the names of the files: Q, K1, dV2, LSE, ..

/// ||tried - exact|| / ||exact||, Frobenius.
inline double relative_error(const Matrix& tried, const Matrix& exact) {
  double difference = 0, size = 0;
  for (std::size_t x = 0; x < exact.size(); ++x) {
    difference += (tried[x] - exact[x]) * (tried[x] - exact[x]);
    size += exact[x] * exact[x];
  }
  return std::sqrt(difference / size);
}

struct Case {
  Problem problem;
  Arrays in;  ///< Q, K1.., V1.., dO
};

/// "K", 0 -> "K1": files count operands from one, the library from zero.
inline std::string numbered(const std::string& name, int u) {
  return name + std::to_string(u + 1);
}

struct Size {
  std::int64_t rows = 0;  ///< of all slices together
  std::int64_t columns = 0;
  [[nodiscard]] std::int64_t count() const { return rows * columns; }
};

/// Size of the operand, result or gradient called `name`.
Size size_of(const Shape& shape, const std::string& name);

std::vector<std::string> input_names(int order);   ///< Q, K1.., V1.., dO
std::vector<std::string> result_names(int order);  ///< O, LSE, dQ, dK1.., dV1..

Shape make_shape(std::int64_t slices, std::int64_t rows, const std::vector<std::int64_t>& key_rows,
                 std::int64_t dim, std::int64_t value_dim);

/// Entries uniform with mean 0 and standard deviation 1, each a function of seed, name and its index
/// alone: the same on every rank. `scale` defaults to 1 / dim.
Case random_case(const Shape& shape, std::uint64_t seed, bool causal = false);
Case random_case(const Shape& shape, std::uint64_t seed, bool causal, double scale);

Matrix random_matrix(std::int64_t count, std::uint64_t seed, const std::string& name);

/// The same case with its entries rounded to T, so that T and the twin start from the same numbers.
template <class T>
Case rounded(Case c) {
  for (auto& [name, values] : c.in)
    for (double& x : values) x = static_cast<double>(static_cast<T>(x));
  return c;
}

}  // namespace tattn::test
