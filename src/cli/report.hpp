#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/common_options.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "tattn/plan.hpp"

namespace tattn::cli {

/// What a run did, as far as this rank knows; figures that do not apply stay empty.
struct Report {
  std::string command, input, output;
  int threads = 1;
  std::string method, reason;
  std::optional<int> slice_groups, sequence_blocks, feature_groups;
  Cost predicted;  ///< of all passes
  std::optional<double> exact_seconds, polynomial_seconds;
  std::optional<int> degree;
  std::optional<std::int64_t> features;
  std::vector<std::int64_t> heavy_rows;  ///< of Q, K_1, ..; empty: none
  std::optional<double> measured_error, certified_error;
  std::optional<std::int64_t> worst_row;
  struct Seconds {
    std::optional<double> read, plan, forward, gradient, write;
    std::optional<double> full_gradient;  ///< the part of gradient that dX took
    double total = 0;
  } seconds;
  std::optional<double> forward_flops, gradient_flops;
  std::optional<std::int64_t> bytes_communicated;
  std::optional<double> loss;
  /// Of a training run; seconds are of this run.
  struct Training {
    std::int64_t steps = 0;  ///< in all runs
    std::int64_t replans = 0;
    double step_seconds = 0;                       ///< of all that follows
    double watch_seconds = 0, replan_seconds = 0;  ///< the latter with the steps made again
    double checkpoint_seconds = 0;
    std::optional<double> loss_of_error;  ///< what the polynomial's error amounts to at most
  };
  std::optional<Training> training;

  /// What a plan tells.
  void take(const Plan& plan);
};

/// Writes the report as JSON, whole or not at all: seconds, bytes and memory are the largest over the
/// ranks. Nothing without --report. Collective; throws Error(Status::failed) when it cannot be written.
void write_report(const Communicator& comm, const CommonOptions& options, const io::FileInfo& info,
                  const Report& report);

}  // namespace tattn::cli
