#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace tattn::training {

/// The loss at some weights and its gradient with respect to them.
struct Evaluation {
  double loss = 0;
  std::vector<double> gradient;
};

/// The loss as a function of all weights. Infinite or NaN where it cannot be computed: then the gradient is not
/// looked at.
using Objective = std::function<Evaluation(const std::vector<double>& weights)>;

/// Where an optimiser is.
struct Point {
  std::vector<double> weights;
  Evaluation value;  ///< there
};

enum class OptimizerKind { gd, adam, lbfgs };

struct OptimizerSettings {
  OptimizerKind kind = OptimizerKind::adam;
  /// gd, adam: the factor of a step. lbfgs: how far the first step tries to go.
  double learning_rate = 0.01;
};

/// How far two weights and their gradients are apart: what lbfgs knows of the curvature.
struct CurvaturePair {
  std::vector<double> step, change;  ///< w' - w, g' - g
  bool operator==(const CurvaturePair&) const = default;
};

/// All that a step takes from the ones before it: with the point, enough to go on as if there had been no stop.
struct OptimizerState {
  std::int64_t steps = 0;               ///< made so far
  std::vector<double> mean;             ///< of the gradients: gd's velocity, adam's first moment
  std::vector<double> variance;         ///< adam's second moment
  std::deque<CurvaturePair> curvature;  ///< of lbfgs, oldest first
  bool operator==(const OptimizerState&) const = default;
};

/// Moves `point` by one step and evaluates the objective there. Pure: the same bits for the same arguments.
///
///     gd      v = 0.9 v + g                        w -= rate v
///     adam    m = 0.9 m + 0.1 g                    w -= rate m' / (sqrt(v') + 1e-8)
///             v = 0.999 v + 0.001 g^2              m' = m / (1 - 0.9^k)   v' = v / (1 - 0.999^k)
///     lbfgs   p = -H g from the last 10 pairs      w += length p, where length satisfies the strong Wolfe
///     conditions
///
/// Whether a step was possible. lbfgs makes none, and leaves `point` as it is, where neither its direction nor the
/// steepest descent leads to a point that satisfies the conditions: a minimum, as far as rounding can tell.
bool step(const OptimizerSettings& settings, const Objective& objective, OptimizerState& state, Point& point);

}  // namespace tattn::training
