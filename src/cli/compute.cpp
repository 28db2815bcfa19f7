#include "cli/compute.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "cli/provenance.hpp"
#include "cli/report.hpp"
#include "cli/results.hpp"
#include "plan/flops.hpp"
#include "plan/memory.hpp"
#include "plan/partition.hpp"
#include "polynomial/choose.hpp"
#include "polynomial/polynomial.hpp"
#include "tattn/attention.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

template <class Step>
double timed(const Step& step) {
  const Stopwatch watch;
  step();
  return watch.seconds();
}

std::string figure(const std::optional<double>& value) {
  return value ? fmt::format("{:.2g}", *value) : "not";
}

/// Upstream dO = O - E in place of the target E; the loss is that of all rows.
template <class T>
double upstream_of_target(const Communicator& comm, const std::vector<T>& output, std::vector<T>& target) {
  double sum = 0;
  for (std::size_t x = 0; x < target.size(); ++x) {
    target[x] = output[x] - target[x];
    sum += static_cast<double>(target[x]) * static_cast<double>(target[x]);
  }
  return 0.5 * comm.sum(sum);
}

/// One run: what its steps share.
template <class T>
class Run {
 public:
  Run(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info, io::Needs wanted)
      : comm_(comm),
        options_(options),
        info_(info),
        wanted_(wanted),
        library_(library_options(comm, options.common)),
        progress_(options.common.progress, comm.rank() == 0 && !options.common.quiet) {}

  void all() {
    io::ResultFile file(comm_, options_.output, options_.common.force);
    plan();
    io::OperandRows<T> rows;
    report_.seconds.read = timed([&] { rows = io::read_operands<T>(comm_, info_, owned_, wanted_); });
    if (polynomial()) *report_.seconds.plan += timed([&] { choose_features(rows.views()); });
    ResultRows<T> results = make_results(rows);
    const std::int64_t sent_before = Communicator::bytes_sent_by_process();
    calculate(rows, results);
    if (!dense()) report_.bytes_communicated = Communicator::bytes_sent_by_process() - sent_before;
    report_.seconds.write = timed([&] {
      write_results(file, info_, rows, results, gradients());
      write_provenance(comm_, file, options_.common, info_, report_);
      file.commit();
    });
    report_.seconds.total = total_.seconds();
    write_report(comm_, options_.common, info_, report_);
    say_done();
  }

 private:
  [[nodiscard]] bool gradients() const { return wanted_ == io::Needs::upstream; }
  [[nodiscard]] bool polynomial() const { return library_.method == Method::polynomial; }
  [[nodiscard]] bool dense() const { return library_.method == Method::dense; }

  void plan() {
    report_.seconds.plan = timed([&] {
      const plan::Partition partition = plan::partition_exact(info_.problem, comm_.size());
      owned_ = partition.owned[static_cast<std::size_t>(comm_.rank())];
      std::int64_t blocks = 0;
      for (std::size_t r = 0; r < partition.work.size(); ++r)
        blocks += partition.work[r].key_part == 0 && !partition.work[r].queries.empty();
      if (!dense()) report_.sequence_blocks = blocks;
    });
    require_memory();  // before the operands take any
    report_.command = gradients() ? "gradient" : "forward";
    report_.input = options_.input;
    report_.output = options_.output;
    report_.threads = library_.threads;
    report_.method = polynomial() ? "polynomial" : dense() ? "dense" : "exact";
    report_.reason = library_.method == Method::automatic ? "auto is exact in this version" : "asked for";
    if (!polynomial()) {
      report_.forward_flops =
          dense() ? plan::dense_forward_flops(info_.problem) : plan::exact_forward_flops(info_.problem);
      if (gradients())
        report_.gradient_flops =
            dense() ? plan::dense_gradient_flops(info_.problem) : plan::exact_gradient_flops(info_.problem);
      report_.predicted_flops = *report_.forward_flops + report_.gradient_flops.value_or(0);
    }
  }

  /// The polynomial's features, out of the entries of the operands.
  void choose_features(const Operands<T>& operands) {
    const CommonOptions& common = options_.common;
    polynomial::FeatureRequest request;
    request.tolerance = common.tolerance;
    request.certified = common.error_mode == "certified";
    if (common.degree)
      request.degree = static_cast<int>(std::min<std::int64_t>(*common.degree, plan::kLargestDegree));
    request.features = common.features;
    request.target = gradients() ? plan::Target::gradients : plan::Target::output;
    choice_ = polynomial::choose_features(comm_, info_.problem, operands, request);
    report_.features = choice_.walk.features();
    report_.degree = choice_.degree;
    report_.measured_error = choice_.measured_error;
    report_.certified_error = choice_.certified_error;
    report_.forward_flops = plan::polynomial_forward_flops(info_.problem, choice_.walk.size());
    if (gradients()) report_.gradient_flops = 2 * *report_.forward_flops;
    report_.predicted_flops = *report_.forward_flops + report_.gradient_flops.value_or(0);
  }

  void require_memory() {
    const plan::Pass pass = gradients() ? plan::Pass::gradient : plan::Pass::forward;
    const int bytes = sizeof(T);
    if (dense()) {
      plan::require_dense_memory(info_.problem, pass, bytes, comm_.size(), library_.memory_bytes);
      report_.predicted_memory = plan::dense_memory_bytes(info_.problem, pass, bytes, comm_.size());
      return;
    }
    plan::require_memory(info_.problem, pass, bytes, comm_.size(), library_.threads, library_.memory_bytes);
    report_.predicted_memory = plan::exact_memory_bytes(info_.problem, pass, bytes, comm_.size(), library_.threads);
  }

  ResultRows<T> make_results(const io::OperandRows<T>& rows) {
    std::optional<ResultRows<T>> results;
    comm_.agree([&] { results.emplace(rows, info_.problem.shape, gradients()); });
    return std::move(*results);
  }

  void calculate(io::OperandRows<T>& rows, ResultRows<T>& results) {
    library_.progress = progress_.phase("forward");
    report_.seconds.forward = timed([&] { run_forward(rows.views(), results.output_views()); });
    if (gradients()) {
      library_.progress = progress_.phase("gradient");
      report_.seconds.gradient = timed([&] {
        if (info_.has_target) results.loss = upstream_of_target(comm_, results.output, rows.upstream);
        run_gradient(rows.views(), std::as_const(results).output_views(), rows.upstream.data(),
                     results.gradient_views());
      });
    }
    progress_.finish();
    report_.loss = results.loss;
  }

  void run_forward(const Operands<T>& operands, const Output<T>& out) {
    if (polynomial())
      polynomial::forward(comm_, info_.problem, choice_.walk, operands, library_, out,
                          gradients() ? &moments_ : nullptr);
    else
      forward(comm_.handle(), info_.problem, operands, library_, out);
  }

  void run_gradient(const Operands<T>& operands, const Output<const T>& out, const T* upstream,
                    const Gradients<T>& gradients) {
    if (polynomial())
      polynomial::gradient(comm_, info_.problem, choice_.walk, operands, library_, out, upstream, gradients,
                           &moments_);
    else
      gradient(comm_.handle(), info_.problem, operands, library_, out, upstream, gradients);
  }

  void say_done() {
    const Shape& shape = info_.problem.shape;
    const double seconds = comm_.max(*report_.seconds.forward + report_.seconds.gradient.value_or(0));
    spdlog::info("{}: order {}, {} x {} query rows, dim {}, value dim {}, {}{}", options_.input, shape.order,
                 shape.slices, shape.rows, shape.dim, shape.value_dim,
                 info_.dtype == io::DType::f32 ? "f32" : "f64", info_.problem.causal ? ", causal" : "");
    spdlog::info("method {} ({}), {} ranks x {} threads, {:.2f} s, {:.2f} Gflop/s", report_.method, report_.reason,
                 comm_.size(), library_.threads, seconds, *report_.predicted_flops / seconds * 1e-9);
    if (polynomial())
      spdlog::info("{} features, error measured on other rows {}, certified {}", *report_.features,
                   figure(report_.measured_error), figure(report_.certified_error));
    if (report_.loss) spdlog::info("loss {:.9g}", *report_.loss);
    spdlog::info("wrote {}", options_.output);
  }

  const Communicator& comm_;
  const ComputeOptions& options_;
  const io::FileInfo& info_;
  io::Needs wanted_;
  Options library_;
  Progress progress_;
  Stopwatch total_;
  RowRange owned_;
  polynomial::FeatureChoice choice_;
  polynomial::Moments moments_;  ///< from forward to gradient
  Report report_;
};

}  // namespace

void define_compute(CLI::App& command, ComputeOptions& options) {
  command.add_option("IN", options.input, "operand file")->required();
  command.add_option("OUT", options.output, "result file")->required();
  add_common_options(command, options.common);
}

void compute(const Communicator& comm, const ComputeOptions& options, io::Needs wanted) {
  if (options.common.quiet) quiet_log();
  refuse_what_is_missing(options.common);
  check_different(comm, options.input, options.output);
  check_report(comm, options.common.report, {options.input, options.output});
  const io::FileInfo info = io::inspect(comm, options.input, wanted, options.common.overrides());
  if (options.common.method == "polynomial" && info.problem.causal)
    throw Error(Status::usage,
                fmt::format("{}: --method polynomial does not do causal attention in this version: use exact or "
                            "auto",
                            options.input));
  if (options.common.method == "dense" && info.problem.shape.order > 2)
    throw Error(Status::usage,
                fmt::format("{}: --method dense does orders 1 and 2, but there are {} keys: use exact or auto",
                            options.input, info.problem.shape.order));
  if (info.dtype == io::DType::f32)
    Run<float>(comm, options, info, wanted).all();
  else
    Run<double>(comm, options, info, wanted).all();
}

}  // namespace tattn::cli
