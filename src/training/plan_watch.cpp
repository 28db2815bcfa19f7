#include "training/plan_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/flops.hpp"
#include "polynomial/choose.hpp"
#include "polynomial/row_sample.hpp"

namespace tattn::training {
namespace {

constexpr double kGrowth = 1.05;  // of the bound, until the error is measured again
constexpr double kStill =
    0.01;  // of every X, as a share of itself: so little that not even the bound is of interest
constexpr double kMovement = 0.02, kFar = 0.1;  // of some X: to look again, in any case
constexpr double kShare = 0.03;                 // of the flops of all steps, for measurements
constexpr std::int64_t kMost = 20;              // steps between measurements

/// The largest over X1 .. of || X - X' || / || X' ||.
double movement(const TrainingProblem& problem, const std::vector<double>& weights,
                const std::vector<double>& old) {
  double largest = 0;
  for (const WeightView& view : weight_views(problem)) {
    if (view.name.front() != 'X') continue;
    double difference = 0, size = 0;
    for (auto at = static_cast<std::size_t>(view.offset); at < static_cast<std::size_t>(view.end()); ++at) {
      difference += (weights[at] - old[at]) * (weights[at] - old[at]);
      size += old[at] * old[at];
    }
    largest = std::max(largest, difference > 0 ? std::sqrt(difference / size) : 0);
  }
  return largest;
}

}  // namespace

template <class T>
bool PlanWatch<T>::watches(const Plan& plan) const {
  return plan.method == Method::polynomial && !options_.degree && !options_.features;
}

template <class T>
std::string PlanWatch<T>::fault(const Plan& plan, std::int64_t step, const std::vector<double>& weights,
                                WatchState& state) const {
  if (!watches(plan)) return {};
  const double moved = movement(loss_.problem(), weights, state.weights);
  if (!plan.certified_error && moved <= kStill && step - state.step < kMost) return {};
  const double now = bound();
  if (plan.certified_error)
    return now <= *plan.score_bound
               ? std::string()
               : fmt::format("scores may reach {:.3g}, but the error is certified up to {:.3g}", now,
                             *plan.score_bound);
  if (!time_to_look(plan, step, moved, now, state)) return {};
  const double error = polynomial::measure_error(comm_, loss_.problem().attention, loss_.operands(), *plan.walk,
                                                 plan::Target::gradients, plan.in_double,
                                                 state.seed + static_cast<std::uint64_t>(step));
  if (!(error <= options_.tolerance))
    return fmt::format("the error on sampled rows is {:.2g}, above the tolerance {:.2g}", error,
                       options_.tolerance);
  state.step = step;
  state.bound = kGrowth * now;
  state.weights = weights;
  state.error = error;
  return {};
}

template <class T>
bool PlanWatch<T>::time_to_look(const Plan& plan, std::int64_t step, double moved, double bound,
                                const WatchState& state) const {
  const std::int64_t steps = step - state.step;
  return bound > state.bound || moved > kFar || steps >= kMost || (steps >= interval(plan) && moved > kMovement);
}

template <class T>
void PlanWatch<T>::start(const Plan& plan, std::int64_t step, const std::vector<double>& weights, double slack,
                         WatchState& state) const {
  if (!watches(plan)) return;
  state.step = step;
  state.bound = std::max(slack, kGrowth) * bound();
  state.weights = weights;
  state.error = plan.measured_error;
}

template <class T>
std::int64_t PlanWatch<T>::interval(const Plan& plan) const {
  const Problem& problem = loss_.problem().attention;
  const Problem checked = polynomial::checked_problem(problem);
  const double measuring = plan::exact_forward_flops(checked) + plan::exact_gradient_flops(checked) +
                           3 * plan::polynomial_forward_flops(checked, *plan.features);
  const int ranks = options_.reproducible ? 1 : comm_.size();
  const double step = 3 * plan::polynomial_forward_flops(problem, *plan.features) / ranks;
  return static_cast<std::int64_t>(std::clamp(std::ceil(measuring / (kShare * step)), 1.0, double{kMost}));
}

template <class T>
double PlanWatch<T>::bound() const {
  const Operands<T> operands = loss_.operands();
  const Problem& problem = loss_.problem().attention;
  return polynomial::largest_score(comm_, problem, operands,
                                   polynomial::balance_operands(comm_, problem, operands));
}

template class PlanWatch<float>;
template class PlanWatch<double>;

}  // namespace tattn::training
