#include "cli/compute.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "cli/provenance.hpp"
#include "cli/report.hpp"
#include "cli/results.hpp"
#include "method/decide.hpp"
#include "plan/memory.hpp"
#include "plan/partition.hpp"
#include "stopwatch.hpp"
#include "tattn/attention.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

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
    require_memory();  // before the operands take any
    io::OperandRows<T> rows;
    report_.seconds.read = timed([&] { rows = read(); });
    report_.seconds.plan = timed([&] { plan(rows.views()); });
    ResultRows<T> results = make_results(rows);
    const std::int64_t sent_before = Communicator::bytes_sent_by_process();
    calculate(rows, results);
    if (library_.method != Method::dense)
      report_.bytes_communicated = Communicator::bytes_sent_by_process() - sent_before;
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

  [[nodiscard]] method::Setting setting() const {
    return {gradients(), comm_.size(), fixed_grid(comm_.size(), options_.common)};
  }

  void require_memory() {
    const plan::Pass pass = gradients() ? plan::Pass::gradient : plan::Pass::forward;
    if (library_.method == Method::dense)
      plan::require_dense_memory(info_.problem, pass, sizeof(T), comm_.size(), library_.memory_bytes);
    else
      plan::require_memory(info_.problem, pass, sizeof(T), comm_.size(), library_.threads, library_.memory_bytes);
  }

  /// This rank's rows, cut as the method that will most likely be taken wants them.
  io::OperandRows<T> read() {
    const Shape& shape = info_.problem.shape;
    if (library_.method == Method::exact || library_.method == Method::dense || info_.problem.causal) {
      const plan::Partition partition = plan::partition_exact(info_.problem, comm_.size());
      return io::read_operands<T>(comm_, info_, partition.owned[static_cast<std::size_t>(comm_.rank())], wanted_);
    }
    const plan::Grid grid =
        fixed_grid(comm_.size(), options_.common).value_or(plan::default_grid(shape, comm_.size()));
    const auto share = [&](std::int64_t rows) { return plan::grid_share(grid, comm_.rank(), shape.slices, rows); };
    std::array<RowRange, kMaxOrder> keys;
    for (std::size_t u = 0; u < keys.size(); ++u) keys[u] = share(shape.key_rows[u]);
    return io::read_operands<T>(comm_, info_, share(shape.rows), wanted_, keys);
  }

  void plan(const Operands<T>& operands) {
    plan_ = method::decide(comm_, info_.problem, operands, library_, setting());
    take_plan();
    report_.command = gradients() ? "gradient" : "forward";
    report_.input = options_.input;
    report_.output = options_.output;
    report_.threads = library_.threads;
  }

  void take_plan() {
    report_.take(plan_);
    report_.forward_flops = plan_.forward.flops;
    if (gradients()) report_.gradient_flops = plan_.gradient->flops;
  }

  ResultRows<T> make_results(const io::OperandRows<T>& rows) {
    std::optional<ResultRows<T>> results;
    comm_.agree([&] { results.emplace(rows, info_.problem.shape, gradients()); });
    return std::move(*results);
  }

  void forward_pass(const Operands<T>& operands, ResultRows<T>& results) {
    library_.progress = progress_.phase("forward");
    forward(comm_.handle(), info_.problem, plan_, operands, library_, results.output_views(),
            gradients() ? &kept_ : nullptr);
  }

  void calculate(io::OperandRows<T>& rows, ResultRows<T>& results) {
    report_.seconds.forward = timed([&] {
      try {
        forward_pass(rows.views(), results);
      } catch (const NotPositive&) {
        if (library_.method != Method::automatic) throw;
        plan_ = method::exact_instead(comm_, info_.problem, rows.views(), library_, setting());
        take_plan();
        forward_pass(rows.views(), results);
      }
    });
    if (gradients()) {
      library_.progress = progress_.phase("gradient");
      report_.seconds.gradient = timed([&] {
        if (info_.has_target) results.loss = upstream_of_target(comm_, results.output, rows.upstream);
        gradient(comm_.handle(), info_.problem, plan_, rows.views(), library_,
                 std::as_const(results).output_views(), rows.upstream.data(), results.gradient_views(), &kept_);
      });
    }
    progress_.finish();
    report_.loss = results.loss;
  }

  void say_done() {
    const Shape& shape = info_.problem.shape;
    const double seconds = comm_.max(*report_.seconds.forward + report_.seconds.gradient.value_or(0));
    spdlog::info("{}: order {}, {} x {} query rows, dim {}, value dim {}, {}{}", options_.input, shape.order,
                 shape.slices, shape.rows, shape.dim, shape.value_dim,
                 info_.dtype == io::DType::f32 ? "f32" : "f64", info_.problem.causal ? ", causal" : "");
    spdlog::info("method {} ({}), {} ranks x {} threads, {:.2f} s, {:.2f} Gflop/s", report_.method, report_.reason,
                 comm_.size(), library_.threads, seconds, *report_.predicted.flops / seconds * 1e-9);
    if (plan_.method == Method::polynomial)
      spdlog::info("{} features{}, error measured on other rows {}, certified {}", *report_.features,
                   plan_.in_double ? " in float64" : "", figure(report_.measured_error),
                   figure(report_.certified_error));
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
  Plan plan_;
  Kept kept_;  ///< from forward to gradient
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
  refuse_what_is_missing(comm.size(), options.common);
  check_different(comm, options.input, options.output);
  check_report(comm, options.common.report, {options.input, options.output});
  const io::FileInfo info = io::inspect(comm, options.input, wanted, options.common.overrides());
  refuse_what_method_cannot(options.common, info);
  if (info.dtype == io::DType::f32)
    Run<float>(comm, options, info, wanted).all();
  else
    Run<double>(comm, options, info, wanted).all();
}

}  // namespace tattn::cli
