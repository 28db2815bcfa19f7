#include "cli/report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/machine.hpp"
#include "cli/paths.hpp"
#include "tattn/version.hpp"

namespace tattn::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <class T>
Json largest(const Communicator& comm, const std::optional<T>& value) {
  return value ? Json(comm.max(*value)) : Json(nullptr);
}

Json problem_json(const io::FileInfo& info) {
  const Shape& shape = info.problem.shape;
  const auto first = shape.key_rows.begin();
  return {{"order", shape.order},
          {"slices", shape.slices},
          {"rows", shape.rows},
          {"key_rows", std::vector<std::int64_t>(first, first + shape.order)},
          {"dim", shape.dim},
          {"value_dim", shape.value_dim},
          {"dtype", info.dtype == io::DType::f32 ? "f32" : "f64"},
          {"causal", info.problem.causal},
          {"scale", info.problem.scale}};
}

Json plan_json(const CommonOptions& options, const Report& report) {
  return {{"method", report.method},
          {"reason", report.reason},
          {"error_mode", options.error_mode},
          {"tolerance", options.tolerance},
          {"degree", or_null(report.degree)},
          {"features", or_null(report.features)},
          {"heavy_rows", report.heavy_rows.empty() ? Json(nullptr) : Json(report.heavy_rows)},
          {"grid",
           {{"slices", or_null(report.slice_groups)},
            {"sequence", or_null(report.sequence_blocks)},
            {"features", or_null(report.feature_groups)}}},
          {"predicted",
           {{"seconds", or_null(report.predicted.seconds)},
            {"flops", or_null(report.predicted.flops)},
            {"bytes_communicated", or_null(report.predicted.bytes_communicated)},
            {"bytes_memory", or_null(report.predicted.bytes_memory)}}},
          {"exact_seconds", or_null(report.exact_seconds)},
          {"polynomial_seconds", or_null(report.polynomial_seconds)}};
}

Json seconds_json(const Communicator& comm, const Report::Seconds& seconds) {
  return {{"read", largest(comm, seconds.read)},
          {"plan", largest(comm, seconds.plan)},
          {"forward", largest(comm, seconds.forward)},
          {"gradient", largest(comm, seconds.gradient)},
          {"full_gradient", largest(comm, seconds.full_gradient)},
          {"write", largest(comm, seconds.write)},
          {"total", comm.max(seconds.total)}};
}

Json training_json(const Communicator& comm, const Report::Training& training) {
  return {{"steps", training.steps},
          {"replans", training.replans},
          {"loss_of_error", or_null(training.loss_of_error)},
          {"seconds",
           {{"steps", comm.max(training.step_seconds)},
            {"watch", comm.max(training.watch_seconds)},
            {"replan", comm.max(training.replan_seconds)},
            {"checkpoint", comm.max(training.checkpoint_seconds)}}}};
}

/// One pass after the other; what is not known of one is not known of both.
Cost both(const Cost& a, const Cost& b) {
  const auto sum = [](const auto& x, const auto& y) { return x && y ? std::optional(*x + *y) : std::nullopt; };
  return {sum(a.seconds, b.seconds), sum(a.flops, b.flops), sum(a.bytes_communicated, b.bytes_communicated),
          std::max(a.bytes_memory, b.bytes_memory)};
}

}  // namespace

void Report::take(const Plan& plan) {
  const auto some = [](int groups) { return groups > 0 ? std::optional(groups) : std::nullopt; };
  method = method_name(plan.method);
  reason = plan.reason;
  slice_groups = some(plan.slice_groups);
  sequence_blocks = some(plan.sequence_blocks);
  feature_groups = some(plan.feature_groups);
  features = plan.features;
  degree = plan.degree;
  heavy_rows = plan.heavy_rows;
  measured_error = plan.measured_error;
  certified_error = plan.certified_error;
  exact_seconds = plan.exact_seconds;
  polynomial_seconds = plan.polynomial_seconds;
  predicted = plan.gradient ? both(plan.forward, *plan.gradient) : plan.forward;
}

void write_report(const Communicator& comm, const CommonOptions& options, const io::FileInfo& info,
                  const Report& report) {
  if (options.report.empty()) return;
  Json json = {
      {"version", TATTN_VERSION},
      {"command", report.command},
      {"input", report.input},
      {"output", report.output},
      {"ranks", comm.size()},
      {"threads", report.threads},
      {"problem", problem_json(info)},
      {"plan", plan_json(options, report)},
      {"error",
       {{"measured", or_null(report.measured_error)},
        {"certified", or_null(report.certified_error)},
        {"worst_row", or_null(report.worst_row)}}},
      {"seconds", seconds_json(comm, report.seconds)},
      {"flops", {{"forward", or_null(report.forward_flops)}, {"gradient", or_null(report.gradient_flops)}}},
      {"bytes_communicated", largest(comm, report.bytes_communicated)},
      {"peak_memory_bytes", comm.max(peak_memory_bytes())},
      {"loss", or_null(report.loss)}};
  if (report.training) json["training"] = training_json(comm, *report.training);
  write_text(comm, options.report, json.dump(2) + "\n");
}

}  // namespace tattn::cli
