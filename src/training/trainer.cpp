#include "training/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "digest.hpp"
#include "stopwatch.hpp"
#include "tattn/error.hpp"
#include "training/vectors.hpp"

namespace tattn::training {
namespace {

constexpr double kSlack = 1.25;  // a new plan is made for scores so much larger, as they are growing
constexpr int kPlansAStep = 5;
constexpr std::int64_t kDigestEvery = 10;

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace

void require_same_weights(const Communicator& comm, const std::vector<double>& weights, std::int64_t step) {
  const auto mine = static_cast<std::int64_t>(digest(weights.data(), weights.size() * sizeof(double)));
  if (comm.min(mine) == comm.max(mine)) return;
  throw Error(Status::failed,
              fmt::format("the weights are not the same on all ranks after step {}: one of them does "
                          "not compute right; resume from a checkpoint elsewhere",
                          step));
}

template <class T>
Trainer<T>::Trainer(const Communicator& comm, Loss<T>& loss, TrainOrder order, TrainState state)
    : comm_(comm),
      loss_(loss),
      order_(std::move(order)),
      state_(std::move(state)),
      watch_(comm, loss, order_.options) {
  order_.options.progress = {};
  // Which rows are heavy changes with the weights: a plan that is to last has none.
  order_.options.heavy_rows.emplace(static_cast<std::size_t>(loss.problem().attention.shape.order) + 1, 0);
}

template <class T>
void Trainer<T>::begin() {
  if (state_.planned) return;
  loss_.set_weights(state_.point.weights.data(), order_.options.threads);
  first_plan_seconds_ = timed([&] { make_plan(state_.point.weights, 1); });
  state_.point.value = evaluate(state_.point.weights);
  if (!std::isfinite(state_.point.value.loss))
    throw Error(Status::failed, trouble_.empty() ? "the loss of the first weights is not finite" : trouble_);
  state_.planned = true;
}

template <class T>
bool Trainer<T>::advance() {
  const Stopwatch watch;
  reach_ = std::numeric_limits<double>::infinity();
  for (int attempt = 0;; ++attempt) {
    const Stopwatch tried;
    const double watched = state_.watch_seconds;
    Point next = state_.point;
    OptimizerState optimizer = state_.optimizer;
    if (!step(
            order_.optimizer, [this](const auto& weights) { return evaluate(weights); }, optimizer, next))
      return false;
    const std::string why = fault(next, optimizer.steps);
    if (why.empty()) {
      state_.point = std::move(next);
      state_.optimizer = std::move(optimizer);
      break;
    }
    if (attempt == kPlansAStep) throw Error(Status::failed, fmt::format("step {}: {}", optimizer.steps, why));
    const bool planned = replan(next.weights);
    state_.replan_seconds += tried.seconds() - (state_.watch_seconds - watched);
    if (planned && on_replan) on_replan(why);
  }
  if (state_.optimizer.steps % kDigestEvery == 0 || state_.optimizer.steps == order_.steps)
    require_same_weights(comm_, state_.point.weights, state_.optimizer.steps);
  state_.seconds += watch.seconds();
  return true;
}

template <class T>
double Trainer<T>::finish() {
  require_same_weights(comm_, state_.point.weights, state_.optimizer.steps);
  loss_.set_weights(state_.point.weights.data(), order_.options.threads);
  return loss_.forward(state_.plan, order_.options);
}

/// Infinite where the polynomial cannot do these weights: a line search then takes a shorter step.
template <class T>
Evaluation Trainer<T>::evaluate(const std::vector<double>& weights) {
  trouble_.clear();
  Evaluation value;
  value.loss = std::numeric_limits<double>::infinity();
  if (!all_finite(weights) || norm(difference(weights, state_.point.weights)) > reach_) return value;
  loss_.set_weights(weights.data(), order_.options.threads);
  try {
    value.loss = loss_.forward(state_.plan, order_.options);
    if (std::isfinite(value.loss)) value.gradient = loss_.gradient(state_.plan, order_.options);
  } catch (const NotPositive& error) {
    trouble_ = error.what();
    value.loss = std::numeric_limits<double>::infinity();
  }
  return value;
}

/// Why the step that led to `at` does not count.
template <class T>
std::string Trainer<T>::fault(const Point& at, std::int64_t step) {
  const bool finite = std::isfinite(at.value.loss) && all_finite(at.value.gradient);
  if (!finite && (trouble_.empty() || !watch_.watches(state_.plan)))
    throw Error(Status::failed, !trouble_.empty()
                                    ? trouble_
                                    : fmt::format("the loss is not finite after step {}: use a smaller "
                                                  "--learning-rate",
                                                  step));
  if (!finite) return trouble_;
  std::string why;
  state_.watch_seconds += timed([&] { why = watch_.fault(state_.plan, step, at.weights, state_.watch); });
  return why;
}

/// Of both methods where auto may choose.
template <class T>
plan::Rates Trainer<T>::rates(const method::Setting& setting) const {
  Options options = order_.options;
  if (options.method == Method::automatic) options.method = Method::polynomial;
  return method::rates_for<T>(comm_, loss_.problem().attention, options, setting);
}

template <class T>
void Trainer<T>::make_plan(const std::vector<double>& weights, double slack) {
  Problem grown = loss_.problem().attention;
  grown.scale *= slack;
  const std::int64_t left = std::max<std::int64_t>(1, order_.steps - state_.optimizer.steps);
  method::Setting setting{
      .gradients = true, .ranks = comm_.size(), .grid = order_.grid, .runs = left, .rates = rates_};
  if (!rates_) setting.rates = rates_ = rates(setting);
  state_.plan = method::decide(comm_, grown, loss_.operands(), order_.options, setting);
  watch_.start(state_.plan, state_.optimizer.steps, weights, slack, state_.watch);
}

template <class T>
bool Trainer<T>::try_plan(const std::vector<double>& weights, double slack) {
  try {
    make_plan(weights, slack);
    return true;
  } catch (const Error& error) {  // agreed on by all ranks
    if (error.status() != Status::failed) throw;
    trouble_ = error.what();
    return false;
  }
}

/// A line search that went beyond what any plan can do is made again within half of that.
template <class T>
void Trainer<T>::shorten(const std::vector<double>& weights) {
  if (order_.optimizer.kind != OptimizerKind::lbfgs) throw Error(Status::failed, trouble_);
  reach_ = norm(difference(weights, state_.point.weights)) / 2;
}

/// Whether there is a new plan; else the step is to be shorter.
template <class T>
bool Trainer<T>::replan(const std::vector<double>& weights) {
  if (!try_plan(weights, kSlack) && !try_plan(weights, 1)) {
    shorten(weights);
    return false;
  }
  ++state_.replans;
  state_.point.value = evaluate(state_.point.weights);
  if (!std::isfinite(state_.point.value.loss)) throw Error(Status::failed, trouble_);
  return true;
}

template <class T>
std::optional<double> Trainer<T>::loss_of_error() const {
  const Plan& plan = state_.plan;
  if (plan.method != Method::polynomial) return std::nullopt;
  const std::optional<double> error = state_.watch.error ? state_.watch.error : plan.measured_error;
  const std::vector<T>& target = loss_.rows().target;
  const double square = std::inner_product(target.begin(), target.end(), target.begin(), 0.0);
  return 0.5 * std::pow(error.value_or(order_.options.tolerance), 2) * comm_.sum(square);
}

template <class T>
std::string Trainer<T>::ending() const {
  const Evaluation& at = state_.point.value;
  const std::string slope = fmt::format("gradient norm {:.3g}", norm(at.gradient));
  const char* type = sizeof(T) == sizeof(float) ? "float32" : "float64";
  const std::optional<double> floor = loss_of_error();
  if (norm(at.gradient) == 0) return "the gradient is zero";
  if (floor && *floor > kErrorCounts * at.loss)
    return fmt::format(
        "{}; that is a minimum of the polynomial's loss, and its error may amount to {:.2g} of it: a smaller "
        "--tolerance may lead further",
        slope, *floor);
  return fmt::format("{}: a minimum as far as {}rounding in {} can tell", slope,
                     floor ? "the polynomial's error and " : "", type);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace tattn::training
