// tattn train IN OUT: minimises a problem file's loss over its weights.
#include "cli/train.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "io/file_digest.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

void define(CLI::App& command, TrainOptions& o) {
  define_compute(command, o.run);
  command.add_option("--steps", o.steps, "how many, those before a --resume included")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  command.add_option("--optimizer", o.optimizer, "gd has momentum, lbfgs a line search (default: adam)")
      ->check(CLI::IsMember({"gd", "adam", "lbfgs"}));
  command
      .add_option("--learning-rate", o.learning_rate,
                  "factor of a step; of lbfgs how far its first step tries to go (default: gd 0.001, adam 0.01, "
                  "lbfgs 1)")
      ->check(positive());
  file_option(command.add_option(
      "--checkpoint", o.checkpoint,
      "keep the state of the run in this file, the one before in FILE.previous; SIGTERM and SIGUSR1 then "
      "end the run with status 5 after the step"));
  command.add_option("--checkpoint-every", o.checkpoint_every, "steps between checkpoints")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  file_option(command.add_option("--resume", o.resume,
                                 "go on from this checkpoint, with its options; keep --checkpoint there too"));
  file_option(command.add_option("--history", o.history, "write a JSON line for every step to this file"));
}

void check_files(const Communicator& comm, const TrainOptions& o) {
  check_different(comm, o.run.input, o.run.output);
  std::vector<std::string> taken = {o.run.input, o.run.output};
  const bool goes_on = o.checkpoint == o.resume;  // reading it checks what it is
  const std::string previous = o.checkpoint.empty() ? "" : training::previous_name(o.checkpoint);
  for (const std::string& path :
       {o.run.common.report, o.history, goes_on ? std::string() : o.checkpoint, previous}) {
    if (path.empty()) continue;
    check_report(comm, path, taken);
    taken.push_back(path);
  }
  for (const std::string& path : {o.run.output, o.run.common.report, o.history})
    if (!o.resume.empty() && !path.empty()) check_different(comm, o.resume, path);
  // A state or a history that nobody asked to replace is worth more than this run.
  const std::string advice = "go on from it with --resume, or give another name";
  refuse_existing(comm, o.history, o.run.common.force || !o.resume.empty(), advice);
  refuse_existing(comm, o.checkpoint, o.run.common.force || goes_on, advice);
  refuse_existing(comm, previous, o.run.common.force || goes_on || previous == o.resume, advice);
}

void check_problem(const io::FileInfo& info, const std::string& digest, const TrainOptions& options,
                   const std::optional<training::Checkpoint>& resumed) {
  if (!info.is_problem())
    throw Error(
        Status::input,
        fmt::format("{}: has no dataset 'A1': expected a problem file, with A1, X1, Y1, E and so on", info.path));
  if (resumed && resumed->problem_digest != digest)
    throw Error(Status::input,
                fmt::format("{}: is the checkpoint of another problem file than {}: their digests are "
                            "{} and {}",
                            options.resume, info.path, resumed->problem_digest, digest));
}

void run(const Communicator& comm, TrainOptions options) {
  if (options.run.common.quiet) quiet_log();
  if (options.checkpoint.empty()) options.checkpoint = options.resume;
  check_files(comm, options);
  std::optional<training::Checkpoint> resumed;
  if (!options.resume.empty()) resumed = training::load(comm, options.resume);
  const training::OptimizerSettings optimizer = settle(options, resumed);
  refuse_what_is_missing(comm.size(), options.run.common);
  if (!options.run.common.heavy_rows.empty())
    throw Error(Status::usage, "--heavy-rows is not for train: which rows are heavy changes with the weights");
  const io::FileInfo info =
      io::inspect(comm, options.run.input, io::Needs::upstream, options.run.common.overrides());
  refuse_what_method_cannot(options.run.common, info);
  const std::string digest = io::file_digest(comm, options.run.input);
  check_problem(info, digest, options, resumed);
  const Options library = library_options(comm, options.run.common);
  const training::TrainSettings settings = {optimizer,          library.method,     library.tolerance,
                                            library.certified,  library.degree,     library.features,
                                            info.problem.scale, info.problem.causal};
  if (info.dtype == io::DType::f32)
    train<float>(comm, options, info, settings, std::move(resumed), digest);
  else
    train<double>(comm, options, info, settings, std::move(resumed), digest);
}

}  // namespace

void add_train(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("train", "minimise a problem file's loss over its weights X1 .., Y1 ..");
  const auto options = std::make_shared<TrainOptions>();
  define(*command, *options);
  command->callback([command, options, &action] {
    options->method_given = command->count("--method") > 0;
    options->tolerance_given = command->count("--tolerance") > 0;
    options->error_given = command->count("--error") > 0;
    action = [options](const Communicator& comm) { run(comm, *options); };
  });
}

}  // namespace tattn::cli
