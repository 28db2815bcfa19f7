#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn {

/// Arrays in double beside arrays in float, which get the rounded results in the end.
class Doubles {
 public:
  /// A copy that lives as long as this.
  const double* copy(const float* from, std::int64_t entries) {
    return arrays_.emplace_back(from, from + entries).data();
  }
  Block<const double> copy(const Block<const float>& block, std::int64_t columns) {
    return {copy(block.data, block.rows.size() * columns), block.rows};
  }

  /// Room for results; round() moves them to `to`.
  double* room(float* to, std::int64_t entries) {
    results_.push_back({arrays_.size(), to});
    return arrays_.emplace_back(static_cast<std::size_t>(entries)).data();
  }
  void round() const {
    for (const auto& [array, to] : results_)
      std::transform(arrays_[array].begin(), arrays_[array].end(), to,
                     [](double x) { return static_cast<float>(x); });
  }

 private:
  struct Result {
    std::size_t array;
    float* to;
  };
  std::deque<std::vector<double>> arrays_;
  std::vector<Result> results_;
};

inline Operands<double> copy(const Shape& shape, const Operands<float>& from, Doubles& doubles) {
  Operands<double> to;
  to.query = doubles.copy(from.query, shape.dim);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    to.key[u] = doubles.copy(from.key[u], shape.dim);
    to.value[u] = doubles.copy(from.value[u], shape.value_dim);
  }
  return to;
}

/// Room for the gradients of the operands' rows.
inline Gradients<double> room(const Shape& shape, const Operands<float>& operands, const Gradients<float>& to,
                              Doubles& doubles) {
  Gradients<double> result;
  result.query = doubles.room(to.query, operands.query.rows.size() * shape.dim);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    result.key[u] = doubles.room(to.key[u], operands.key[u].rows.size() * shape.dim);
    result.value[u] = doubles.room(to.value[u], operands.value[u].rows.size() * shape.value_dim);
  }
  return result;
}

}  // namespace tattn
