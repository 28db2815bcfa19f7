#pragma once
#include <cstdint>

#include "plan/cost_model.hpp"
#include "tattn/plan.hpp"

namespace tattn::plan {

/// A training problem on so many ranks: what a step has beside the passes over its projected operands.
struct StepProblem {
  Problem attention;           ///< of the projected Q, K_u, V_u
  std::int64_t model_dim = 0;  ///< columns of every A
  int element_bytes = 4, ranks = 1, threads = 1;
};

/// Flops of Q = A1 X1 and the like, and of dX1 = A1^T dQ and the like.
[[nodiscard]] double projection_flops(const StepProblem& problem);

/// One step of gd or adam: the passes that a plan predicts, the projections at `projection_rate` flop/s of a core,
/// and the sum of the weights' gradients. lbfgs makes as many of them as its line search looks. `watched`: the
/// error of a polynomial is measured now and then, which takes a fixed small share.
[[nodiscard]] Cost predict_step(const StepProblem& problem, const Cost& forward, const Cost& gradient, bool watched,
                                double projection_rate, const Rates& rates);

}  // namespace tattn::plan
