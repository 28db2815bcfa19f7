#pragma once
#include <optional>
#include <vector>

#include "training/optimizer.hpp"

namespace tattn::training {

/// The constants of the strong Wolfe conditions, for a step of `length` along p from w:
///
///     f(w + length p) <= f(w) + decrease length p.g(w)        |p.g(w + length p)| <= curvature |p.g(w)|
struct Wolfe {
  double decrease = 1e-4, curvature = 0.9;
};

/// The point at a length along `direction` that satisfies the strong Wolfe conditions, tried at `first_length`
/// first: algorithms 3.5 and 3.6 of Nocedal and Wright, Numerical Optimization (2006), with cubic interpolation. A
/// loss that is not finite counts as too large. None when `direction` does not lead down, or no such point is found
/// in a few dozen evaluations, as where all differences are rounding.
[[nodiscard]] std::optional<Point> wolfe_search(const Objective& objective, const Point& from,
                                                const std::vector<double>& direction, double first_length,
                                                const Wolfe& wolfe = {});

}  // namespace tattn::training
