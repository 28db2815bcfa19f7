#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "plan/grid.hpp"
#include "training/loss.hpp"
#include "training/plan_watch.hpp"
#include "training/train_state.hpp"

namespace tattn::training {

/// Throws Error(Status::failed) on every rank when the ranks do not hold the same bits. Collective.
void require_same_weights(const Communicator& comm, const std::vector<double>& weights, std::int64_t step);

/// What a trainer is told.
struct TrainOrder {
  OptimizerSettings optimizer;
  Options options;                 ///< its progress is not used
  std::int64_t steps = 0;          ///< in all
  std::optional<plan::Grid> grid;  ///< fixed; else the fastest
};

/// Minimises the loss over the weights, step by step. Weights and all that the optimiser knows are replicated and
/// the same bits on every rank, which is checked now and then. A step counts when the plan holds at its end: else a
/// new plan is made where the step led to, for scores somewhat larger, and the step is made again with it.
///
///     Trainer trainer(comm, loss, order, state);
///     trainer.begin();
///     while (trainer.state().optimizer.steps < order.steps && trainer.advance()) keep(trainer.state());
template <class T>
class Trainer {
 public:
  /// `state` holds weights at least. `comm` and `loss` outlive this.
  Trainer(const Communicator& comm, Loss<T>& loss, TrainOrder order, TrainState state);

  /// Called after each new plan but the first, with the reason.
  std::function<void(const std::string& why)> on_replan;

  /// Plans and evaluates, where the state does not hold that already. Collective; throws what make_plan does.
  void begin();

  /// One step; false when the optimiser finds none to make. Collective. Throws Error(Status::failed), the same on
  /// every rank, when the loss is not finite, no plan meets the tolerance any more, or weights differ.
  bool advance();

  /// Makes the operands, O and LSE of the loss those of the state's weights; the loss there. Collective.
  double finish();

  [[nodiscard]] const TrainState& state() const { return state_; }
  // Of this run.
  [[nodiscard]] double first_plan_seconds() const { return first_plan_seconds_; }
  [[nodiscard]] double watch_seconds() const { return watch_seconds_; }
  [[nodiscard]] double replan_seconds() const { return replan_seconds_; }

 private:
  [[nodiscard]] Evaluation evaluate(const std::vector<double>& weights);
  [[nodiscard]] std::string fault(const Point& at, std::int64_t step);
  void make_plan(const std::vector<double>& weights, double slack);  ///< those of the operands
  [[nodiscard]] bool try_plan(const std::vector<double>& weights, double slack);
  void shorten(const std::vector<double>& weights);
  void replan(const std::string& why, const std::vector<double>& weights);

  const Communicator& comm_;
  Loss<T>& loss_;
  TrainOrder order_;
  TrainState state_;
  PlanWatch<T> watch_;
  std::string trouble_;                                     ///< of the evaluation made last, where it failed
  double reach_ = std::numeric_limits<double>::infinity();  ///< how far a step may go
  double first_plan_seconds_ = 0, watch_seconds_ = 0, replan_seconds_ = 0;
};

}  // namespace tattn::training
