#pragma once
#include "plan/cost_model.hpp"
#include "study/row.hpp"

namespace tattn::study {

/// What is predicted: one method on one number of ranks.
struct Prediction {
  Problem problem;
  int element_bytes = 4;
  bool in_double = false;                ///< float passes of the polynomial in double
  std::optional<std::int64_t> features;  ///< of the polynomial method; none for the exact one
  int ranks = 1;
  int threads = 1;
};

/// Method, features, grid (the fastest), predicted seconds of forward and gradient, bytes a rank sends, and the
/// share of the network in the seconds; not measured. Pure.
[[nodiscard]] Row predicted_row(const Prediction& wanted, const plan::Rates& rates);

/// "2x3x1" of slice groups, sequence blocks and feature groups.
[[nodiscard]] std::string grid_text(const plan::Grid& grid);

}  // namespace tattn::study
