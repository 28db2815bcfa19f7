#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn {

/// What the methods take for a gradient with respect to the whole X (formulas: training/full_gradient.hpp). This
/// rank's rows; `model` has A1 for the query and A2, A3 for the keys, `model_dim` columns each, cut like
/// `operands`.
template <class T>
struct FullGradientCall {
  const Communicator& comm;
  const Problem& problem;
  std::int64_t model_dim;
  Operands<T> operands, model;
  Output<const T> out;
  const T* upstream;
  const Options& options;

  [[nodiscard]] std::int64_t entries() const { return model_dim * model_dim * model_dim; }
  [[nodiscard]] std::int64_t my_rows() const { return operands.query.rows.size(); }

  /// delta[i] = dO[i].O[i] of this rank's rows.
  [[nodiscard]] std::vector<double> deltas() const {
    const std::int64_t columns = problem.shape.value_dim;
    std::vector<double> delta(static_cast<std::size_t>(my_rows()), 0.0);
    for (std::int64_t x = 0; x < my_rows() * columns; ++x)
      delta[static_cast<std::size_t>(x / columns)] +=
          static_cast<double>(upstream[x]) * static_cast<double>(out.output[x]);
    return delta;
  }
};

}  // namespace tattn
