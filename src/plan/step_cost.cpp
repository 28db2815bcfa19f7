#include "plan/step_cost.hpp"

#include <algorithm>

namespace tattn::plan {
namespace {

constexpr double kWatchShare = 0.03;       // of the flops (training/plan_watch.hpp)
constexpr std::int64_t kWeightCopies = 6;  // weights, gradient, two moments, and a step under way
constexpr double kMessages = 4;            // weights' gradients to one rank and back, the loss

/// Sum over the operands of rows times columns.
std::int64_t projected_entries(const Shape& shape) {
  std::int64_t entries = shape.rows * shape.dim;
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    entries += shape.key_rows[u] * (shape.dim + shape.value_dim);
  return entries;
}

std::int64_t weight_bytes(const StepProblem& problem) {
  const Shape& shape = problem.attention.shape;
  const std::int64_t columns = (shape.order + 1) * shape.dim + shape.order * shape.value_dim;
  return problem.model_dim * columns * std::int64_t{sizeof(double)};
}

/// This rank's rows of every A.
std::int64_t input_bytes(const StepProblem& problem) {
  const Shape& shape = problem.attention.shape;
  std::int64_t rows = shape.rows;
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) rows += 2 * shape.key_rows[u];
  return (rows + problem.ranks - 1) / problem.ranks * problem.model_dim * problem.element_bytes;
}

}  // namespace

double projection_flops(const StepProblem& problem) {
  return 4 * static_cast<double>(problem.model_dim) *
         static_cast<double>(projected_entries(problem.attention.shape));
}

Cost predict_step(const StepProblem& problem, const Cost& forward, const Cost& gradient, bool watched,
                  double projection_rate, const Rates& rates) {
  Cost step;
  const double watching = watched ? 1 + kWatchShare : 1;
  const double projections = projection_flops(problem);
  step.flops = watching * (*forward.flops + *gradient.flops) + projections;
  step.bytes_memory = std::max(*forward.bytes_memory, *gradient.bytes_memory) + input_bytes(problem) +
                      kWeightCopies * weight_bytes(problem);
  if (!forward.seconds) return step;  // the dense method's are not known
  const std::int64_t summed = problem.ranks > 1 ? weight_bytes(problem) : 0;
  step.bytes_communicated = *forward.bytes_communicated + *gradient.bytes_communicated + summed;
  const std::vector<double> work(static_cast<std::size_t>(problem.ranks),
                                 projections / problem.ranks / projection_rate);
  step.seconds = watching * (*forward.seconds + *gradient.seconds) +
                 shared_seconds(work, problem.threads, rates.cores_a_rank) +
                 network_seconds(2 * summed, 0, kMessages, problem.ranks, rates);
  return step;
}

}  // namespace tattn::plan
