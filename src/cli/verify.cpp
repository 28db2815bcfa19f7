// tattn verify IN OUT: sampled rows recomputed exactly in double, and a directional derivative.
#include "cli/verify.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "cli/commands.hpp"
#include "cli/log.hpp"
#include "cli/machine.hpp"
#include "cli/paths.hpp"
#include "cli/report.hpp"
#include "plan/partition.hpp"
#include "stopwatch.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

/// Reads the rows of a result that belong to this rank's rows of the operands.
template <class T>
class ResultReader {
 public:
  ResultReader(const Communicator& comm, const std::string& path, const io::FileInfo& info)
      : comm_(comm), path_(path), info_(info) {}

  void read(Subject<T>& subject) const {
    const Shape& shape = info_.problem.shape;
    const auto& rows = subject.operands;
    subject.results.output = dataset("O", shape.rows, shape.value_dim, rows.query_rows);
    subject.results.lse = dataset("LSE", shape.rows, 0, rows.query_rows);
    if (!subject.gradients) return;
    subject.results.query = dataset("dQ", shape.rows, shape.dim, rows.query_rows);
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      const std::int64_t n = shape.key_rows[u];
      subject.results.key[u] = dataset(fmt::format("dK{}", u + 1), n, shape.dim, rows.key_rows[u]);
      subject.results.value[u] = dataset(fmt::format("dV{}", u + 1), n, shape.value_dim, rows.key_rows[u]);
    }
  }

 private:
  [[nodiscard]] std::vector<T> dataset(const std::string& name, std::int64_t rows, std::int64_t columns,
                                       RowRange mine) const {
    return io::read_rows<T>(comm_, path_, name, mine, io::DatasetShape{info_.leading, rows, columns});
  }

  const Communicator& comm_;
  const std::string& path_;
  const io::FileInfo& info_;
};

template <class T>
Subject<T> read_subject(const Communicator& comm, const VerifyOptions& options, const io::FileInfo& info,
                        bool gradients) {
  const auto owned = plan::partition_exact(info.problem, comm.size()).owned[static_cast<std::size_t>(comm.rank())];
  const bool with_upstream = gradients || info.is_problem();
  auto operands =
      io::read_operands<T>(comm, info, owned, with_upstream ? io::Needs::upstream : io::Needs::operands);
  ResultRows<T> results(operands, info.problem.shape, gradients);
  Subject<T> subject{info.problem, std::move(operands), std::move(results), gradients};
  ResultReader<T>(comm, options.output, info).read(subject);
  if (with_upstream && info.has_target)
    for (std::size_t x = 0; x < subject.operands.upstream.size(); ++x)
      subject.operands.upstream[x] = subject.results.output[x] - subject.operands.upstream[x];
  return subject;
}

template <class T>
std::vector<Check> all_checks(const Communicator& comm, const VerifyOptions& options, const io::FileInfo& info,
                              const io::ResultContents& contents, const Options& library) {
  const bool gradients = !info.is_problem() && contents.has("dQ");
  const Subject<T> subject = read_subject<T>(comm, options, info, gradients);
  const Magnitudes sizes = magnitudes(comm, subject);
  std::vector<Check> checks = verify_queries(comm, subject, sizes, options, library);
  if (info.is_problem())
    for (const Check& check : verify_weights(comm, subject, info, contents, options, library))
      checks.push_back(check);
  if (!gradients) return checks;
  for (const Check& check : verify_keys(comm, subject, sizes, options, library)) checks.push_back(check);
  if (options.full || direction_is_cheap(comm, info.problem, library.threads))
    checks.push_back(verify_direction(comm, subject, options, library));
  return checks;
}

/// What is no number is worse than any.
const Check& worst_of(const std::vector<Check>& checks) {
  const auto size = [](const Check& check) {
    return std::isnan(check.error) ? std::numeric_limits<double>::infinity() : check.error;
  };
  return *std::max_element(checks.begin(), checks.end(),
                           [&](const Check& a, const Check& b) { return size(a) < size(b); });
}

void print(const Communicator& comm, const std::vector<Check>& checks, bool direction_skipped) {
  if (comm.rank() != 0) return;
  fmt::print("{:<10} {:<14} {}\n", "dataset", "compared", "relative error");
  for (const Check& check : checks) fmt::print("{:<10} {:<14} {:.2e}\n", check.name, check.sample, check.error);
  if (direction_skipped)
    fmt::print("{:<10} {:<14} two forward passes would take long: --full does them\n", "direction", "skipped");
}

void judge(const VerifyOptions& options, const std::vector<Check>& checks) {
  const Check& worst = worst_of(checks);
  const double tolerance = options.common.tolerance;
  if (worst.error <= tolerance) return;
  throw Error(
      Status::not_verified,
      worst.name == "direction"
          ? fmt::format("{}: the gradients are off by {:.2e} of their size along a random direction, more than "
                        "the tolerance {:g}: compute them again",
                        options.output, worst.error, tolerance)
          : fmt::format("{}: dataset '{}' has a relative error of {:.2e}, most of it in row {}, more than the "
                        "tolerance {:g}: compute it again, or check that it was made from {}",
                        options.output, worst.name, worst.error, worst.worst_row, tolerance, options.input));
}

/// What the result says it was made with; the command line wins.
io::FileInfo inspect_input(const Communicator& comm, const VerifyOptions& options,
                           const io::ResultContents& contents) {
  io::Overrides overrides = options.common.overrides();
  if (!overrides.scale) overrides.scale = contents.scale;
  overrides.causal = overrides.causal || contents.causal.value_or(false);
  const io::Needs needs = contents.has("dQ") ? io::Needs::upstream : io::Needs::operands;
  return io::inspect(comm, options.input, needs, overrides);
}

void report(const Communicator& comm, const VerifyOptions& options, const io::FileInfo& info,
            const Options& library, const std::vector<Check>& checks, double seconds) {
  Report report;
  report.command = "verify";
  report.input = options.input;
  report.output = options.output;
  report.threads = library.threads;
  report.method = method_name(library.method);
  report.reason = "verification recomputes sampled rows exactly";
  report.measured_error = worst_of(checks).error;
  report.worst_row = checks.front().worst_row;
  report.seconds.total = seconds;
  write_report(comm, options.common, info, report);
}

void run(const Communicator& comm, const VerifyOptions& options) {
  const Stopwatch watch;
  if (options.common.quiet) quiet_log();
  refuse_what_is_missing(comm.size(), options.common);
  check_different(comm, options.input, options.output);
  check_report(comm, options.common.report, {options.input, options.output});
  Options library = library_options(comm, options.common);
  if (library.method != Method::dense) library.method = Method::exact;  // the judge never approximates
  const io::ResultContents contents = io::inspect_result(comm, options.output);
  const io::FileInfo info = inspect_input(comm, options, contents);
  const bool gradients = contents.has(info.is_problem() ? "dX1" : "dQ");
  const auto checks = info.dtype == io::DType::f32 ? all_checks<float>(comm, options, info, contents, library)
                                                   : all_checks<double>(comm, options, info, contents, library);
  print(comm, checks, gradients && checks.back().name != "direction");
  report(comm, options, info, library, checks, watch.seconds());
  judge(options, checks);
  if (library.method == Method::dense) warn_of_slow_products();
  spdlog::info("{}: within the tolerance {:g}", options.output, options.common.tolerance);
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("verify", "recompute sampled rows of OUT exactly; status 4 beyond the tolerance");
  const auto options = std::make_shared<VerifyOptions>();
  file_option(command->add_option("IN", options->input, "operand or problem file"))->required();
  file_option(command->add_option("OUT", options->output, "result made from it"))->required();
  command->add_option("--samples", options->samples, "rows of each dataset to recompute")
      ->check(positive())
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the choice of rows and direction")
      ->check(unsigned_number())
      ->capture_default_str();
  command->add_flag("--full", options->full, "do the directional derivative however long it takes");
  add_common_options(*command, options->common);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
