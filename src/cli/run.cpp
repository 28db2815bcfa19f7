#include "cli/run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cli/machine.hpp"
#include "cli/provenance.hpp"
#include "plan/memory.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {

Run::Run(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info, io::Needs wanted)
    : comm(comm),
      options(options),
      info(info),
      wanted(wanted),
      library(library_options(comm, options.common)),
      progress(options.common.progress, comm.rank() == 0 && !options.common.quiet && !options.listener),
      watch(comm, info.path) {
  library.progress = begin("read");
  // The polynomial's dX knows of no heavy rows.
  if (options.full_gradient) library.heavy_rows.emplace(static_cast<std::size_t>(info.problem.shape.order) + 1, 0);
}

void Run::require_memory(int bytes, std::int64_t others) const {
  const plan::Pass pass = gradients() ? plan::Pass::gradient : plan::Pass::forward;
  const std::int64_t limit = std::max<std::int64_t>(1, library.memory_bytes - others);
  if (library.method == Method::dense)
    plan::require_dense_memory(info.problem, pass, bytes, comm.size(), limit);
  else
    plan::require_memory(info.problem, pass, bytes, comm.size(), library.threads, limit);
}

Shares Run::shares() const {
  const plan::Grid grid =
      fixed_grid(comm.size(), options.common).value_or(plan::default_grid(info.problem.shape, comm.size()));
  return shares_of(comm, info.problem, library.method, grid, library.reproducible);
}

method::Setting Run::setting() const {
  return {.gradients = gradients(), .ranks = comm.size(), .grid = fixed_grid(comm.size(), options.common)};
}

template <class T>
void Run::make_plan(const Operands<T>& operands) {
  library.progress = begin("plan");
  plan = method::decide(comm, info.problem, operands, library, setting());
  take_plan();
  report.command = gradients() ? "gradient" : "forward";
  report.input = options.input;
  report.output = options.output;
  report.threads = library.threads;
}

void Run::take_plan() {
  report.take(plan);
  report.forward_flops = plan.forward.flops;
  if (gradients()) report.gradient_flops = plan.gradient->flops;
}

template <class T>
void Run::forward_phase(const Operands<T>& operands, const std::function<void()>& pass) {
  report.seconds.forward = timed([&] {
    library.progress = begin("forward");
    try {
      pass();
    } catch (const NotPositive&) {
      if (library.method != Method::automatic) throw;
      plan = method::exact_instead(comm, info.problem, operands, library, setting());
      take_plan();
      library.progress = begin("forward");
      pass();
    }
  });
}

std::function<void(double)> Run::begin(const char* phase) {
  spdlog::debug("{}: {}", options.input, phase);
  if (!options.listener) return progress.phase(phase);
  options.listener(phase, 0);
  return [this, phase](double share) { options.listener(phase, share); };
}

double Run::phase(const char* name, const std::function<void()>& step) {
  library.progress = begin(name);
  return timed(step);
}

void Run::calculate(const std::function<void()>& steps) {
  const std::int64_t sent_before = Communicator::bytes_sent_by_process();
  steps();
  progress.finish();
  if (library.method != Method::dense)
    report.bytes_communicated = Communicator::bytes_sent_by_process() - sent_before;
}

void Run::publish(io::ResultFile& file) {
  library.progress = begin("write");
  write_provenance(comm, file, options.common, info, report);
  watch.check(comm);
  file.commit();
}

Report Run::conclude() {
  report.seconds.total = total.seconds();
  write_report(comm, options.common, info, report);
  if (!options.listener) say_done();
  return report;
}

void Run::say_done() const {
  const Shape& shape = info.problem.shape;
  const double seconds = comm.max(*report.seconds.forward + report.seconds.gradient.value_or(0));
  spdlog::info("{}: order {}, {} x {} query rows, {}dim {}, value dim {}, {}{}", options.input, shape.order,
               shape.slices, shape.rows, info.is_problem() ? fmt::format("model dim {}, ", info.model_dim) : "",
               shape.dim, shape.value_dim, info.dtype == io::DType::f32 ? "f32" : "f64",
               info.problem.causal ? ", causal" : "");
  spdlog::info("method {} ({}), {} ranks x {} threads, {:.2f} s, {:.2f} Gflop/s", report.method, report.reason,
               comm.size(), library.threads, seconds, *report.predicted.flops / seconds * 1e-9);
  if (plan.method == Method::polynomial)
    spdlog::info("{} features{}{}, error measured on other rows {}, certified {}", *report.features,
                 plan.in_double ? " in float64" : "",
                 plan.heavy ? ", heavy rows " + heavy_rows_text(plan.heavy_rows) : "",
                 figure(report.measured_error), figure(report.certified_error));
  if (library.certified && report.measured_error.value_or(0) > library.tolerance)
    spdlog::warn(
        "the measured error {:.2g} is above the tolerance {:g}: certified is every softmax weight, but what is "
        "asked for cancels here",
        *report.measured_error, library.tolerance);
  if (options.full_gradient || library.method == Method::dense) warn_of_slow_products();
  if (report.loss) spdlog::info("loss {:.9g}", *report.loss);
  spdlog::info("wrote {}", options.output);
}

template void Run::make_plan(const Operands<float>&);
template void Run::make_plan(const Operands<double>&);
template void Run::forward_phase(const Operands<float>&, const std::function<void()>&);
template void Run::forward_phase(const Operands<double>&, const std::function<void()>&);

}  // namespace tattn::cli
