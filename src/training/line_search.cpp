#include "training/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "training/vectors.hpp"

namespace tattn::training {
namespace {

constexpr int kMostEvaluations = 40;
constexpr double kExpansion = 4;  // of the length while no minimum is bracketed
constexpr double kMargin = 0.1;   // a trial stays so far, in shares of the bracket, from its ends

/// The objective along the direction, at one length.
struct Trial {
  double length = 0, loss = 0, slope = 0;
  Point point;
};

/// The minimum of the cubic with the values and slopes of a and b; NaN where it has none.
double cubic_minimum(const Trial& a, const Trial& b) {
  const double d = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length);
  const double root = std::copysign(std::sqrt(d * d - a.slope * b.slope), b.length - a.length);
  return b.length - (b.length - a.length) * (b.slope + root - d) / (b.slope - a.slope + 2 * root);
}

/// One search: what its steps share.
class Search {
 public:
  Search(const Objective& objective, const Point& from, const std::vector<double>& direction, const Wolfe& wolfe)
      : objective_(objective), from_(from), direction_(direction), wolfe_(wolfe) {
    start_.loss = from.value.loss;
    start_.slope = dot(from.value.gradient, direction);
  }

  std::optional<Point> run(double first_length) {
    if (!(start_.slope < 0) || !std::isfinite(start_.slope)) return std::nullopt;
    Trial previous = start_;
    for (double length = first_length; evaluations_ < kMostEvaluations; length *= kExpansion) {
      Trial trial = at(length);
      if (too_large(trial) || (evaluations_ > 1 && trial.loss >= previous.loss)) return zoom(previous, trial);
      if (flat(trial)) return std::move(trial.point);
      if (trial.slope >= 0) return zoom(trial, previous);
      previous = std::move(trial);
    }
    return std::nullopt;
  }

 private:
  Trial at(double length) {
    ++evaluations_;
    Trial trial;
    trial.length = length;
    trial.point.weights = from_.weights;
    add(trial.point.weights, length, direction_);
    trial.point.value = objective_(trial.point.weights);
    trial.loss = trial.point.value.loss;
    if (!std::isfinite(trial.loss)) trial.loss = std::numeric_limits<double>::infinity();
    trial.slope = std::isfinite(trial.loss) ? dot(trial.point.value.gradient, direction_) : 0;
    return trial;
  }

  [[nodiscard]] bool too_large(const Trial& trial) const {
    return trial.loss > start_.loss + wolfe_.decrease * trial.length * start_.slope;
  }
  [[nodiscard]] bool flat(const Trial& trial) const {
    return std::abs(trial.slope) <= -wolfe_.curvature * start_.slope;
  }

  /// `low` has the least loss of those that decrease enough, and leads down towards `high`.
  std::optional<Point> zoom(Trial low, Trial high) {
    while (evaluations_ < kMostEvaluations) {
      Trial trial = at(between(low, high));
      if (trial.length == low.length || trial.length == high.length) return std::nullopt;  // no room in between
      if (too_large(trial) || trial.loss >= low.loss) {
        high = std::move(trial);
        continue;
      }
      if (flat(trial)) return std::move(trial.point);
      if (trial.slope * (high.length - low.length) >= 0) high = std::move(low);
      low = std::move(trial);
    }
    return std::nullopt;
  }

  [[nodiscard]] static double between(const Trial& low, const Trial& high) {
    const double width = high.length - low.length;
    const double minimum = std::isfinite(high.loss) ? cubic_minimum(low, high) : low.length + kMargin * width;
    const double share = (minimum - low.length) / width;
    return low.length + (std::isfinite(share) ? std::clamp(share, kMargin, 1 - kMargin) : 0.5) * width;
  }

  const Objective& objective_;
  const Point& from_;
  const std::vector<double>& direction_;
  const Wolfe& wolfe_;
  Trial start_;
  int evaluations_ = 0;
};

}  // namespace

std::optional<Point> wolfe_search(const Objective& objective, const Point& from,
                                  const std::vector<double>& direction, double first_length, const Wolfe& wolfe) {
  return Search(objective, from, direction, wolfe).run(first_length);
}

}  // namespace tattn::training
