// tattn plan IN: how a file would be computed, why, with what error, and what that takes, here or on another
// machine.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/common_options.hpp"
#include "cli/log.hpp"
#include "cli/machine.hpp"
#include "cli/machine_file.hpp"
#include "cli/paths.hpp"
#include "cli/report.hpp"
#include "io/operand_file.hpp"
#include "method/decide.hpp"
#include "method/machine_rates.hpp"
#include "plan/step_cost.hpp"
#include "tattn/error.hpp"
#include "training/projection_rate.hpp"

namespace tattn::cli {
namespace {

struct PlanOptions {
  std::string input;
  std::string command = "gradient";
  std::int64_t steps = 100;  ///< of train
  std::optional<int> ranks;
  std::string machine, calibrate;  ///< files
  CommonOptions common;
};

/// A plan, and where it is for training what a step takes.
struct Planned {
  Plan plan;
  std::optional<Cost> step;
};

/// Of a training step; projections in double.
template <class T>
Cost step_cost(const Communicator& comm, const io::FileInfo& info, const Options& library,
               const method::Setting& setting, const Plan& plan) {
  const Shape& shape = info.problem.shape;
  double projections = comm.min(training::projection_rate<T>(info.model_dim, shape.dim));
  if (setting.machine) projections *= setting.machine->core_flops_f64 / method::core_flops<double>(comm);
  return plan::predict_step({info.problem, info.model_dim, sizeof(T), setting.ranks, library.threads}, plan.forward,
                            *plan.gradient, plan.features && !library.features && !library.degree, projections,
                            method::rates_for<T>(comm, info.problem, library, setting));
}

template <class T>
Planned make(const Communicator& comm, const PlanOptions& options, const io::FileInfo& info, Options library,
             int ranks, const std::optional<plan::Machine>& machine) {
  const RowRange mine = even_range(info.problem.shape.total_rows(), comm.size(), comm.rank());
  const bool judged = options.command == "gradient" && info.has_upstream;  // by the gradients for this dO
  const auto rows = io::read_operands<T>(comm, info, mine, judged ? io::Needs::upstream : io::Needs::operands);
  const bool trains = options.command == "train";
  if (trains)
    library.heavy_rows.emplace(static_cast<std::size_t>(info.problem.shape.order) + 1, 0);  // as train does
  const method::Setting setting{.gradients = options.command != "forward",
                                .ranks = ranks,
                                .grid = fixed_grid(ranks, options.common),
                                .machine = machine,
                                .runs = trains ? options.steps : 1};
  Planned result{method::decide<T>(comm, info.problem, rows.views(), library, setting), std::nullopt};
  if (trains) result.step = step_cost<T>(comm, info, library, setting, result.plan);
  return result;
}

void print_cost(const char* pass, const Cost& cost) {
  fmt::print("  {:<9} {} s {:>12.4g} flop {} bytes sent a rank {:>14} bytes of memory a rank\n", pass,
             cost.seconds ? fmt::format("{:>9.3g}", *cost.seconds) : "unknown", *cost.flops,
             cost.bytes_communicated ? fmt::format("{:>14}", *cost.bytes_communicated) : "unknown",
             *cost.bytes_memory);
}

void print_plan(const PlanOptions& options, const Planned& planned, int ranks, int threads) {
  const Plan& plan = planned.plan;
  fmt::print("{}: {} by method {} ({})\n", options.input, options.command, method_name(plan.method), plan.reason);
  if (plan.features) {
    fmt::print("features {}{}{}, scores{} at most {:.3g} in magnitude\n", *plan.features,
               plan.degree ? fmt::format(", all of degree <= {}", *plan.degree) : "",
               plan.in_double ? ", computed in float64" : "", plan.heavy ? " of light rows" : "",
               *plan.score_bound);
    if (plan.heavy)
      fmt::print("heavy rows of Q, K1, ..: {} in each slice, computed exactly\n", heavy_rows_text(plan.heavy_rows));
    fmt::print("error: measured on other rows {}, certified {}; tolerance {:.2g}\n", figure(plan.measured_error),
               figure(plan.certified_error), options.common.tolerance);
  }
  fmt::print("on {} rank{} x {} thread{}", ranks, ranks == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
  if (plan.slice_groups > 0)
    fmt::print(": {} slice group{} x {} sequence block{} x {} feature group{}", plan.slice_groups,
               plan.slice_groups == 1 ? "" : "s", plan.sequence_blocks, plan.sequence_blocks == 1 ? "" : "s",
               plan.feature_groups, plan.feature_groups == 1 ? "" : "s");
  fmt::print(", predicted:\n");
  print_cost("forward", plan.forward);
  if (plan.gradient) print_cost("gradient", *plan.gradient);
  if (planned.step) print_cost("step", *planned.step);
  if (plan.exact_seconds)
    fmt::print("in all: exact {:.3g} s; polynomial: {}\n", *plan.exact_seconds,
               plan.polynomial_seconds ? fmt::format("{:.3g} s", *plan.polynomial_seconds)
                                       : "no set of features to compare");
}

void check_files(const Communicator& comm, const PlanOptions& options) {
  check_report(comm, options.calibrate, {options.input, options.machine});
  refuse_existing(comm, options.calibrate, options.common.force);
  check_report(comm, options.common.report, {options.input, options.machine, options.calibrate});
}

void calibrate(const Communicator& comm, const PlanOptions& options) {
  const plan::Machine machine = method::measure_machine(comm);
  write_machine(comm, options.calibrate, machine);
  warn_of_slow_products();
  if (comm.rank() != 0 || options.common.quiet) return;
  fmt::print("{}: matrix products {:.3g} (f32), {:.3g} (f64) flop/s a core, memory {:.3g} bytes/s\n", machine.name,
             machine.core_flops_f32, machine.core_flops_f64, machine.memory_bandwidth);
  fmt::print("network {:.2g} s, {:.3g} bytes/s{}\n", machine.latency, machine.bandwidth,
             comm.size() == 1 ? ": assumed, as one rank has none to measure" : "");
}

void run(const Communicator& comm, const PlanOptions& options) {
  if (options.common.quiet) quiet_log();
  check_files(comm, options);
  if (!options.calibrate.empty()) calibrate(comm, options);
  if (options.input.empty() && !options.calibrate.empty()) return;
  if (options.input.empty()) throw Error(Status::usage, "tattn plan: IN is required; see tattn plan --help");
  const int ranks = options.ranks.value_or(comm.size());
  refuse_what_is_missing(ranks, options.common);
  const auto machine = options.machine.empty() ? std::nullopt : std::optional(read_machine(comm, options.machine));
  const io::FileInfo info = io::inspect(comm, options.input, io::Needs::operands, options.common.overrides());
  refuse_what_method_cannot(options.common, info);
  const Options library = library_options(comm, options.common);
  if (options.command == "train" && !info.is_problem())
    throw Error(Status::input, fmt::format("{}: is no problem file: --command train needs one", options.input));
  const Planned planned = info.dtype == io::DType::f32 ? make<float>(comm, options, info, library, ranks, machine)
                                                       : make<double>(comm, options, info, library, ranks, machine);
  if (machine) warn_of_slow_products();
  Report report;
  report.command = "plan";
  report.input = options.input;
  report.threads = library.threads;
  report.take(planned.plan);
  if (planned.step) report.predicted = *planned.step;
  write_report(comm, options.common, info, report);
  if (comm.rank() != 0 || options.common.quiet) return;
  if (machine) fmt::print("on {}\n", machine->name);
  print_plan(options, planned, ranks, library.threads);
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("plan", "how IN would be computed, and what that takes");
  const auto options = std::make_shared<PlanOptions>();
  file_option(
      command->add_option("IN", options->input, "operand or problem file; may be left out with --calibrate"));
  command->add_option("--command", options->command, "what is to be computed")
      ->check(CLI::IsMember({"forward", "gradient", "train"}))
      ->capture_default_str();
  command->add_option("--steps", options->steps, "of train: they share the time of choosing features")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  command->add_option("--ranks", options->ranks, "plan for so many ranks like these")
      ->check(CLI::Range(1, kMostRanks));
  file_option(command->add_option("--machine", options->machine,
                                  "plan for the machine that this file describes (data/machines)"));
  file_option(
      command->add_option("--calibrate", options->calibrate,
                          "measure this machine and write its description; one that exists with --force only"));
  add_common_options(*command, options->common);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
