#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cli/command_line.hpp"
#include "cli/compute.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "training/checkpoint.hpp"

namespace tattn::cli {

struct TrainOptions {
  ComputeOptions run;  ///< IN, OUT and the common options
  std::int64_t steps = 0;
  std::optional<std::string> optimizer;
  std::optional<double> learning_rate;
  std::string checkpoint, resume, history;
  std::int64_t checkpoint_every = 100;
  bool method_given = false, tolerance_given = false, error_given = false;  ///< on the command line
};

/// What a run goes by: its options, or where they do not say, those of the run that it resumes. Takes these into
/// `options` too. Throws Error(Status::usage) when the two contradict.
[[nodiscard]] training::OptimizerSettings settle(TrainOptions& options,
                                                 const std::optional<training::Checkpoint>& resumed);

/// A plan made under other settings would not do for these.
[[nodiscard]] bool needs_new_plan(const training::TrainSettings& now, const training::TrainSettings& before);

/// Adds the subcommand to `app`; when the command line calls for it, `action` is set to run it.
void add_train(CLI::App& app, Action& action);

/// A training run of an inspected problem file, from reading to publishing. Collective; throws
/// Error(Status::stopped) after a signal, when the checkpoint is written.
template <class T>
void train(const Communicator& comm, const TrainOptions& options, const io::FileInfo& info,
           const training::TrainSettings& settings, std::optional<training::Checkpoint> resumed,
           const std::string& problem_digest);

}  // namespace tattn::cli
