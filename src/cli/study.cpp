// tattn study KIND OUT.csv: how time, ranks and error go together, on numbers made in memory.
#include "cli/study.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/log.hpp"
#include "cli/machine.hpp"
#include "cli/suggestions.hpp"
#include "study/summary.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

const std::vector<std::string> kKinds = {"length", "strong", "weak", "accuracy", "bound"};

void define(CLI::App& command, StudyOptions& o) {
  command.add_option("KIND", o.kind, "length, strong, weak, accuracy or bound")->required();
  file_option(command.add_option("OUT", o.output, "table (CSV); the rows that it has are kept"))->required();
  command
      .add_option("--rows", o.rows,
                  "query rows: the most (length), of one rank (weak), of all (strong, accuracy, bound)")
      ->check(count_option());
  define_shape(command, o.shape);
  command.add_option("--repeats", o.repeats, "measurements of a point, of which the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--time-limit", o.time_limit, "seconds: points that would take longer are left out")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--predict-ranks", o.predict_ranks, "strong, weak: add predicted rows for up to so many ranks")
      ->check(CLI::Range(1, kMostRanks));
  command.add_option("--predict-rows", o.predict_rows, "strong: of so many rows instead of --rows")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  file_option(command.add_option("--machine", o.machine,
                                 "predict for the machine that this file describes (default: this one)"));
  add_common_options(command, o.common);
}

/// What the common options have and a study has no use for.
void refuse(const StudyOptions& o) {
  const auto no = [](bool given, const std::string& why) {
    if (given) throw Error(Status::usage, why);
  };
  if (std::find(kKinds.begin(), kKinds.end(), o.kind) == kKinds.end()) {
    const std::string meant = nearest(o.kind, kKinds);
    throw Error(Status::usage, fmt::format("unknown study '{}': {}", o.kind,
                                           meant.empty() ? fmt::format("use one of {}", fmt::join(kKinds, ", "))
                                                         : fmt::format("did you mean '{}'?", meant)));
  }
  const bool scales = o.kind == "strong" || o.kind == "weak";
  no(!o.common.grid.empty(), "a study takes the grid that the plan chooses: leave --grid out");
  no(!o.common.report.empty(), "a study writes a table and no report: leave --report out");
  no(o.common.method == "dense", "a study compares exact and polynomial: --method dense is not for it");
  no(o.common.causal && o.common.method != "exact", "--causal needs --method exact in a study");
  no(!scales && o.predict_ranks, "--predict-ranks belongs to the studies strong and weak");
  no(o.predict_rows && (o.kind != "strong" || !o.predict_ranks),
     "--predict-rows belongs to the study strong with --predict-ranks");
  no(!o.machine.empty() && !o.predict_ranks, "--machine belongs to --predict-ranks");
  no(o.kind == "accuracy" && (o.common.degree || o.common.features || o.common.method == "exact"),
     "the study accuracy goes through degrees and features by itself: leave --degree, --features and --method out");
  no(o.common.features && o.common.error_mode == "certified",
     "--features and --error certified exclude each other: leave one out");
  const std::int64_t fewest = o.kind == "length" ? kFewestRows : o.kind == "bound" ? 2 : 1;
  no(o.rows.value_or(fewest) < fewest,
     fmt::format("the study {} begins at {} rows: give --rows more", o.kind, fewest));
  no(o.common.degree && o.common.features, "--degree and --features exclude each other");
  static_cast<void>(study_problem(o, 1));
}

void run(const Communicator& comm, const StudyOptions& options) {
  if (options.common.quiet) quiet_log();
  refuse(options);
  Study study(comm, options);
  if (!options.machine.empty()) warn_of_slow_products();
  if (options.kind == "length") study.length();
  if (options.kind == "accuracy") study.accuracy();
  if (options.kind == "bound") study.bound();
  if (options.kind == "strong" || options.kind == "weak") study.scaling(options.kind == "weak");
  if (comm.rank() == 0 && !options.common.quiet)
    fmt::print("{}: {}\n{}", options.output, options.kind, study::summary(options.kind, study.table().rows()));
}

}  // namespace

void add_study(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("study", "scalability and accuracy studies");
  const auto options = std::make_shared<StudyOptions>();
  define(*command, *options);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
