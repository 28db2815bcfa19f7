#pragma once
#include <algorithm>
#include <chrono>
#include <limits>

namespace tattn {

/// Seconds since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// Seconds that `step` takes.
template <class Step>
double timed(const Step& step) {
  const Stopwatch watch;
  step();
  return watch.seconds();
}

/// The least seconds of `repeats` times `step`.
template <class Step>
double best_seconds(int repeats, const Step& step) {
  double best = std::numeric_limits<double>::infinity();
  for (int r = 0; r < repeats; ++r) best = std::min(best, timed(step));
  return best;
}

}  // namespace tattn
