#include "training/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "digest.hpp"
#include "method/decide.hpp"
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
    replan(why, next.weights);
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
  watch_seconds_ += timed([&] { why = watch_.fault(state_.plan, step, at.weights, state_.watch); });
  return why;
}

template <class T>
void Trainer<T>::make_plan(const std::vector<double>& weights, double slack) {
  Problem grown = loss_.problem().attention;
  grown.scale *= slack;
  const std::int64_t left = std::max<std::int64_t>(1, order_.steps - state_.optimizer.steps);
  state_.plan = method::decide(comm_, grown, loss_.operands(), order_.options,
                               {true, comm_.size(), order_.grid, std::nullopt, left});
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

template <class T>
void Trainer<T>::replan(const std::string& why, const std::vector<double>& weights) {
  bool planned = false;
  replan_seconds_ += timed([&] { planned = try_plan(weights, kSlack) || try_plan(weights, 1); });
  if (!planned) return shorten(weights);
  ++state_.replans;
  state_.point.value = evaluate(state_.point.weights);
  if (!std::isfinite(state_.point.value.loss)) throw Error(Status::failed, trouble_);
  if (on_replan) on_replan(why);
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace tattn::training
