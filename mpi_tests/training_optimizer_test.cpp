// The optimisers on functions whose minima are known: convex quadratics and Rosenbrock's valley.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "training/line_search.hpp"
#include "training/optimizer.hpp"
#include "training/vectors.hpp"

namespace tattn::training {
namespace {

using Vector = std::vector<double>;

constexpr double kEps = std::numeric_limits<double>::epsilon();

/// 0.5 sum c_i (x_i - m_i)^2 with curvatures from 1 to `condition` and minimum m_i = i + 1.
Objective quadratic(double condition) {
  return [condition](const Vector& x) {
    Evaluation value{0, Vector(x.size())};
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double c = std::pow(condition, static_cast<double>(i) / static_cast<double>(x.size() - 1));
      const double d = x[i] - static_cast<double>(i + 1);
      value.loss += 0.5 * c * d * d;
      value.gradient[i] = c * d;
    }
    return value;
  };
}

/// sum 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; the minimum is 0 at (1, .., 1).
Evaluation rosenbrock(const Vector& x) {
  Evaluation value{0, Vector(x.size())};
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    value.loss += 100 * a * a + b * b;
    value.gradient[i] += -400 * a * x[i] - 2 * b;
    value.gradient[i + 1] += 200 * a;
  }
  return value;
}

Point start(const Objective& objective, Vector weights) {
  Evaluation value = objective(weights);
  return {std::move(weights), std::move(value)};
}

double farthest_from(const Vector& x, const std::function<double(std::size_t)>& minimum) {
  double farthest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) farthest = std::max(farthest, std::abs(x[i] - minimum(i)));
  return farthest;
}

/// Steps until the gradient is at most `small`, at most `limit` of them.
int steps_to(const OptimizerSettings& settings, const Objective& objective, Point& point, double small, int limit) {
  OptimizerState state;
  int steps = 0;
  while (norm(point.value.gradient) > small && steps < limit && step(settings, objective, state, point)) ++steps;
  return steps;
}

TEST(Gd, FindsTheMinimumOfAQuadratic) {
  const Objective objective = quadratic(10);
  Point point = start(objective, Vector(5));
  // With curvatures in [1, 10] and momentum 0.9 a rate of 0.05 contracts at least by 0.95 a step.
  EXPECT_LT(steps_to({OptimizerKind::gd, 0.05}, objective, point, 1e-10, 2000), 2000);
  EXPECT_LE(farthest_from(point.weights, [](std::size_t i) { return static_cast<double>(i + 1); }), 1e-10);
}

TEST(Gd, StepsAsWritten) {
  const Objective objective = quadratic(1);
  Point point = start(objective, {0, 0});
  OptimizerState state;
  ASSERT_TRUE(step({OptimizerKind::gd, 0.5}, objective, state, point));
  EXPECT_EQ(point.weights, (Vector{0.5, 1}));  // v = g = (-1, -2)
  ASSERT_TRUE(step({OptimizerKind::gd, 0.5}, objective, state, point));
  EXPECT_NEAR(point.weights[0], 0.5 + 0.5 * (0.9 + 0.5), 4 * kEps);
  EXPECT_EQ(state.steps, 2);
}

TEST(Adam, FirstStepIsTheRateWhateverTheGradient) {
  const Objective objective = quadratic(100);
  Point point = start(objective, {0, 10});
  OptimizerState state;
  ASSERT_TRUE(step({OptimizerKind::adam, 0.1}, objective, state, point));
  EXPECT_NEAR(point.weights[0], 0.1, 0.1 * (1e-8 + 16 * kEps));
  EXPECT_NEAR(point.weights[1], 10 - 0.1, 0.1 * 1e-8 + 16 * kEps * 10);
}

TEST(Adam, ComesNearTheMinimumOfRosenbrock) {
  Point point = start(rosenbrock, {-1.2, 1});
  steps_to({OptimizerKind::adam, 0.01}, rosenbrock, point, 1e-8, 20000);
  EXPECT_LE(farthest_from(point.weights, [](std::size_t) { return 1.0; }), 1e-6);
}

TEST(Lbfgs, FindsTheMinimumOfAQuadratic) {
  const Objective objective = quadratic(100);
  Point point = start(objective, Vector(10));
  EXPECT_LT(steps_to({OptimizerKind::lbfgs, 1}, objective, point, 1e-8, 200), 200);
  EXPECT_LE(farthest_from(point.weights, [](std::size_t i) { return static_cast<double>(i + 1); }), 1e-8);
}

TEST(Lbfgs, FindsTheMinimumOfRosenbrock) {
  Point point = start(rosenbrock, {-1.2, 1, -1.2, 1, 0.5, 2});
  EXPECT_LT(steps_to({OptimizerKind::lbfgs, 1}, rosenbrock, point, 1e-9, 300), 300);
  // The least curvature at the minimum is above 0.1, so the distance is at most ten times the gradient.
  EXPECT_LE(farthest_from(point.weights, [](std::size_t) { return 1.0; }), 1e-8);
}

TEST(Lbfgs, StopsWhereOnlyRoundingIsLeft) {
  Point point = start(rosenbrock, {-1.2, 1});
  EXPECT_LT(steps_to({OptimizerKind::lbfgs, 1}, rosenbrock, point, -1, 1000), 1000);
  EXPECT_LE(point.value.loss, 1e-20);
}

TEST(Lbfgs, EveryStepSatisfiesTheWolfeConditions) {
  const Wolfe wolfe;
  for (const Vector& from : {Vector{-1.2, 1}, Vector{3, -2, 4, 0}, Vector{0, 0, 0, 0, 0, 0}}) {
    Point point = start(rosenbrock, from);
    OptimizerState state;
    for (int k = 0; k < 60 && norm(point.value.gradient) > 1e-6; ++k) {
      const Point before = point;
      ASSERT_TRUE(step({OptimizerKind::lbfgs, 1}, rosenbrock, state, point));
      // Conditions for the whole step p = w' - w, of length 1.
      const Vector p = difference(point.weights, before.weights);
      const double slope = dot(p, before.value.gradient);
      EXPECT_LT(slope, 0);
      const double rounding = 64 * kEps * before.value.loss;
      EXPECT_LE(point.value.loss, before.value.loss + wolfe.decrease * slope + rounding);
      EXPECT_LE(std::abs(dot(p, point.value.gradient)),
                -wolfe.curvature * slope * (1 + 1e-6));  // p itself is rounded: w' - w
    }
    EXPECT_LT(norm(point.value.gradient), 1e-6);
  }
}

TEST(LineSearch, MeetsStrictConditionsWhereverItBegins) {
  const Wolfe strict{0.1, 0.11};
  const Objective wavy = [](const Vector& x) {
    return Evaluation{x[0] * x[0] / 20 - std::sin(x[0]), {x[0] / 10 - std::cos(x[0])}};
  };
  const Point from = start(wavy, {0});
  for (const double first : {1e-6, 0.01, 1.0, 7.0, 1e4}) {
    const auto found = wolfe_search(wavy, from, {1}, first, strict);
    ASSERT_TRUE(found) << first;
    const double length = found->weights[0], slope = from.value.gradient[0];
    EXPECT_LE(found->value.loss, from.value.loss + strict.decrease * length * slope);
    EXPECT_LE(std::abs(found->value.gradient[0]), -strict.curvature * slope);
  }
}

TEST(LineSearch, TakesWhatIsNotFiniteForTooLarge) {
  for (const double beyond : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    const Objective walled = [beyond](const Vector& x) {  // the minimum at 1 stands close to a wall at 1.1
      if (x[0] > 1.1) return Evaluation{beyond, {}};
      return Evaluation{(x[0] - 1) * (x[0] - 1), {2 * (x[0] - 1)}};
    };
    const auto found = wolfe_search(walled, start(walled, {0}), {1}, 64);
    ASSERT_TRUE(found);
    EXPECT_LT(found->value.loss, 1);
  }
}

TEST(LineSearch, RefusesADirectionUphill) {
  const Objective objective = quadratic(10);
  EXPECT_FALSE(wolfe_search(objective, start(objective, {0, 0}), {-1, -1}, 1));
}

TEST(Optimizer, GoesOnFromItsStateAsIfNothingHadBeen) {
  for (const OptimizerKind kind : {OptimizerKind::gd, OptimizerKind::adam, OptimizerKind::lbfgs}) {
    const OptimizerSettings settings{kind, 1e-3};
    Point whole = start(rosenbrock, {-1.2, 1, 0.3});
    OptimizerState state;
    for (int k = 0; k < 10; ++k) ASSERT_TRUE(step(settings, rosenbrock, state, whole));
    OptimizerState copied = state;
    Point resumed = start(rosenbrock, whole.weights);
    for (int k = 0; k < 10; ++k) {
      ASSERT_TRUE(step(settings, rosenbrock, state, whole));
      ASSERT_TRUE(step(settings, rosenbrock, copied, resumed));
      EXPECT_EQ(whole.weights, resumed.weights);
    }
    EXPECT_EQ(state, copied);
  }
}

}  // namespace
}  // namespace tattn::training
