#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/train.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

using training::OptimizerKind;
using training::TrainSettings;

struct Optimizer {
  const char* name;
  OptimizerKind kind;
  double rate;  ///< unless --learning-rate says otherwise
};
constexpr std::array<Optimizer, 3> kOptimizers = {
    {{"gd", OptimizerKind::gd, 1e-3}, {"adam", OptimizerKind::adam, 1e-2}, {"lbfgs", OptimizerKind::lbfgs, 1}}};

const Optimizer& named(const std::string& name) {
  return *std::find_if(kOptimizers.begin(), kOptimizers.end(), [&](const auto& o) { return o.name == name; });
}

const Optimizer& of_kind(OptimizerKind kind) {
  return *std::find_if(kOptimizers.begin(), kOptimizers.end(), [&](const auto& o) { return o.kind == kind; });
}

std::string method_option(Method method) {
  return method == Method::automatic ? "auto" : method_name(method);
}

/// Options that the command line leaves open are those of the run before.
void adopt(TrainOptions& options, const TrainSettings& before) {
  CommonOptions& common = options.run.common;
  const std::string optimizer = of_kind(before.optimizer.kind).name;
  if (options.optimizer.value_or(optimizer) != optimizer)
    throw Error(Status::usage, fmt::format("--optimizer is {}, but {} was made by {}: leave it out, or begin anew",
                                           *options.optimizer, options.resume, optimizer));
  if (common.scale.value_or(before.scale) != before.scale || (common.causal && !before.causal))
    throw Error(Status::usage,
                fmt::format("--scale and --causal must be as they were for {}: leave them out", options.resume));
  options.optimizer = optimizer;
  if (!options.learning_rate) options.learning_rate = before.optimizer.learning_rate;
  common.scale = before.scale;
  common.causal = before.causal;
  if (!options.tolerance_given) common.tolerance = before.tolerance;
  if (!options.error_given) common.error_mode = before.certified ? "certified" : "measured";
  if (options.method_given || common.degree || common.features) return;
  common.method = method_option(before.method);
  common.degree = before.degree;
  common.features = before.features;
}

}  // namespace

training::OptimizerSettings settle(TrainOptions& options, const std::optional<training::Checkpoint>& resumed) {
  if (resumed) adopt(options, resumed->settings);
  const Optimizer& optimizer = named(options.optimizer.value_or("adam"));
  options.optimizer = optimizer.name;
  return {optimizer.kind, options.learning_rate.value_or(optimizer.rate)};
}

bool needs_new_plan(const TrainSettings& now, const TrainSettings& before) {
  return now.method != before.method || now.tolerance != before.tolerance || now.certified != before.certified ||
         now.degree != before.degree || now.features != before.features;
}

}  // namespace tattn::cli
