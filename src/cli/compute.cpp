#include "cli/compute.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "cli/results.hpp"
#include "cli/run.hpp"
#include "tattn/error.hpp"
#include "training/target.hpp"

namespace tattn::cli {
namespace {

/// An operand file's run.
template <class T>
class OperandRun {
 public:
  OperandRun(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info, io::Needs wanted)
      : run_(comm, options, info, wanted) {}

  Report all() {
    io::ResultFile file(run_.comm, run_.options.output, run_.options.common.force);
    run_.require_memory(sizeof(T), 0);  // before the operands take any
    io::OperandRows<T> rows;
    run_.report.seconds.read = timed([&] {
      const Shares mine = run_.shares();
      rows = io::read_operands<T>(run_.comm, run_.info, mine.query_rows, run_.wanted, mine.key_rows);
    });
    run_.report.seconds.plan = timed([&] { run_.make_plan(rows.views()); });
    ResultRows<T> results = make_results(rows);
    run_.calculate([&] { calculate(rows, results); });
    run_.report.seconds.write = timed([&] {
      write_results(file, run_.info, rows, results, run_.gradients());
      run_.publish(file);
    });
    return run_.conclude();
  }

 private:
  ResultRows<T> make_results(const io::OperandRows<T>& rows) {
    std::optional<ResultRows<T>> results;
    run_.comm.agree([&] { results.emplace(rows, run_.info.problem.shape, run_.gradients()); });
    return std::move(*results);
  }

  void calculate(io::OperandRows<T>& rows, ResultRows<T>& results) {
    const Problem& problem = run_.info.problem;
    const MPI_Comm comm = run_.comm.handle();
    run_.forward_phase(rows.views(), [&] {
      forward(comm, problem, run_.plan, rows.views(), run_.library, results.output_views(),
              run_.gradients() ? &kept_ : nullptr);
    });
    if (!run_.gradients()) return;
    run_.report.seconds.gradient = run_.phase("gradient", [&] {
      if (run_.info.has_target)
        results.loss =
            training::loss_of_target<T>(run_.comm, problem.shape, {results.output.data(), rows.query_rows},
                                        rows.upstream.data(), rows.upstream.data(), run_.library.reproducible);
      gradient(comm, problem, run_.plan, rows.views(), run_.library, std::as_const(results).output_views(),
               rows.upstream.data(), results.gradient_views(), &kept_);
    });
    run_.report.loss = results.loss;
  }

  Run run_;
  Kept kept_;  ///< from forward to gradient
};

void refuse_full_gradient(const io::FileInfo& info) {
  if (!info.is_problem())
    throw Error(Status::usage,
                fmt::format("{}: --full-gradient is of problem files, and this is an operand file", info.path));
  if (info.problem.shape.order != 2)
    throw Error(Status::usage,
                fmt::format("{}: --full-gradient is of order 2, but the file's order is {}: leave it "
                            "out, dX1, dX2, .. are written for any order",
                            info.path, info.problem.shape.order));
}

template <class T>
Report compute_file(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info,
                    io::Needs wanted) {
  return info.is_problem() ? compute_problem<T>(comm, options, info, wanted)
                           : OperandRun<T>(comm, options, info, wanted).all();
}

}  // namespace

void define_compute(CLI::App& command, ComputeOptions& options) {
  file_option(command.add_option("IN", options.input, "operand or problem file"))->required();
  file_option(command.add_option("OUT", options.output, "result file"))->required();
  add_common_options(command, options.common);
}

Report compute(const Communicator& comm, const ComputeOptions& options, io::Needs wanted) {
  if (options.common.quiet) quiet_log();
  refuse_what_is_missing(comm.size(), options.common);
  check_different(comm, options.input, options.output);
  check_report(comm, options.common.report, {options.input, options.output});
  const io::FileInfo info = io::inspect(comm, options.input, wanted, options.common.overrides());
  refuse_what_method_cannot(options.common, info);
  if (options.full_gradient) refuse_full_gradient(info);
  if (options.full_gradient && options.common.reproducible)
    throw Error(Status::usage, "--full-gradient cannot be --reproducible in this version");
  if (options.full_gradient && !options.common.heavy_rows.empty())
    throw Error(Status::usage, "--full-gradient and --heavy-rows exclude each other");
  return info.dtype == io::DType::f32 ? compute_file<float>(comm, options, info, wanted)
                                      : compute_file<double>(comm, options, info, wanted);
}

}  // namespace tattn::cli
