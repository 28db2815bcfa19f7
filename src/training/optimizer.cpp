#include "training/optimizer.hpp"

#include <cmath>
#include <optional>
#include <utility>

#include "training/line_search.hpp"
#include "training/vectors.hpp"

namespace tattn::training {
namespace {

constexpr double kMomentum = 0.9;
constexpr double kMeanDecay = 0.9, kVarianceDecay = 0.999, kSmallest = 1e-8;
constexpr std::size_t kPairs = 10;

void gd_step(double rate, OptimizerState& state, Point& point) {
  const std::vector<double>& gradient = point.value.gradient;
  state.mean.resize(gradient.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    state.mean[i] = kMomentum * state.mean[i] + gradient[i];
    point.weights[i] -= rate * state.mean[i];
  }
}

void adam_step(double rate, OptimizerState& state, Point& point) {
  const std::vector<double>& gradient = point.value.gradient;
  const double k = static_cast<double>(state.steps + 1);
  const double mean_share = 1 - std::pow(kMeanDecay, k), variance_share = 1 - std::pow(kVarianceDecay, k);
  state.mean.resize(gradient.size());
  state.variance.resize(gradient.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    state.mean[i] = kMeanDecay * state.mean[i] + (1 - kMeanDecay) * gradient[i];
    state.variance[i] = kVarianceDecay * state.variance[i] + (1 - kVarianceDecay) * gradient[i] * gradient[i];
    const double deviation = std::sqrt(state.variance[i] / variance_share);
    point.weights[i] -= rate * (state.mean[i] / mean_share) / (deviation + kSmallest);
  }
}

/// -H g by the two loops of algorithm 7.4 of Nocedal and Wright.
std::vector<double> lbfgs_direction(const std::deque<CurvaturePair>& pairs, const std::vector<double>& gradient) {
  std::vector<double> direction(gradient.size());
  add(direction, -1, gradient);
  std::vector<double> shares(pairs.size());
  for (std::size_t k = pairs.size(); k-- > 0;) {
    shares[k] = dot(pairs[k].step, direction) / dot(pairs[k].step, pairs[k].change);
    add(direction, -shares[k], pairs[k].change);
  }
  if (!pairs.empty()) {
    const CurvaturePair& last = pairs.back();
    const double size = dot(last.step, last.change) / dot(last.change, last.change);
    for (double& x : direction) x *= size;
  }
  for (std::size_t k = 0; k < pairs.size(); ++k) {
    const double back = dot(pairs[k].change, direction) / dot(pairs[k].step, pairs[k].change);
    add(direction, shares[k] - back, pairs[k].step);
  }
  return direction;
}

std::optional<Point> lbfgs_point(double rate, const Objective& objective, OptimizerState& state,
                                 const Point& point) {
  const std::vector<double>& gradient = point.value.gradient;
  if (!state.curvature.empty()) {
    if (auto next = wolfe_search(objective, point, lbfgs_direction(state.curvature, gradient), 1)) return next;
    state.curvature.clear();  // it misleads: begin anew
  }
  return wolfe_search(objective, point, lbfgs_direction({}, gradient), rate / norm(gradient));
}

bool lbfgs_step(double rate, const Objective& objective, OptimizerState& state, Point& point) {
  if (norm(point.value.gradient) == 0) return false;
  std::optional<Point> next = lbfgs_point(rate, objective, state, point);
  if (!next) return false;
  CurvaturePair pair{difference(next->weights, point.weights),
                     difference(next->value.gradient, point.value.gradient)};
  // Positive by the Wolfe conditions, but for rounding.
  if (dot(pair.step, pair.change) > 0) state.curvature.push_back(std::move(pair));
  if (state.curvature.size() > kPairs) state.curvature.pop_front();
  point = std::move(*next);
  return true;
}

}  // namespace

bool step(const OptimizerSettings& settings, const Objective& objective, OptimizerState& state, Point& point) {
  if (settings.kind == OptimizerKind::lbfgs) {
    if (!lbfgs_step(settings.learning_rate, objective, state, point)) return false;
  } else {
    (settings.kind == OptimizerKind::gd ? gd_step : adam_step)(settings.learning_rate, state, point);
    point.value = objective(point.weights);
  }
  ++state.steps;
  return true;
}

}  // namespace tattn::training
