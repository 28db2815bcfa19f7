#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tattn/plan.hpp"
#include "training/optimizer.hpp"

namespace tattn::training {

/// When and where the error of the plan was measured last.
struct WatchState {
  std::int64_t step = 0;
  double bound = 0;             ///< scores beyond it call for another look
  std::vector<double> weights;  ///< then
  std::optional<double> error;
  std::uint64_t seed = 3;  ///< and on, of the rows that it is measured on
  bool operator==(const WatchState&) const = default;
};

/// A training run between two steps: with the problem file and the settings, all there is to go on.
struct TrainState {
  Point point;
  OptimizerState optimizer;
  Plan plan;
  bool planned = false;  ///< plan and point.value are there
  WatchState watch;
  std::int64_t replans = 0;
  // Of all runs so far. What new plans took includes the steps that were made again with them.
  double seconds = 0, watch_seconds = 0, replan_seconds = 0;
};

/// What of the command line decides how a run goes on.
struct TrainSettings {
  OptimizerSettings optimizer;
  Method method = Method::automatic;
  double tolerance = 1e-3;
  bool certified = false;
  std::optional<int> degree;
  std::optional<std::int64_t> features;
  double scale = 0;
  bool causal = false;
};

}  // namespace tattn::training
