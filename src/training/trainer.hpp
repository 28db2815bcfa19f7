#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "method/decide.hpp"
#include "plan/cost_model.hpp"
#include "plan/grid.hpp"
#include "training/loss.hpp"
#include "training/plan_watch.hpp"
#include "training/train_state.hpp"

namespace tattn::training {

/// Throws Error(Status::failed) on every rank when the ranks do not hold the same bits. Collective.
void require_same_weights(const Communicator& comm, const std::vector<double>& weights, std::int64_t step);

/// From this share of the loss on, what the polynomial's error amounts to is worth telling.
inline constexpr double kErrorCounts = 0.01;

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

  /// One step; false when the optimiser finds none to make (see ending). Collective. Throws Error(Status::failed),
  /// the same on every rank, when the loss is not finite, no plan meets the tolerance any more, or weights differ.
  bool advance();

  /// Makes the operands, O and LSE of the loss those of the state's weights; the loss there. Collective.
  double finish();

  /// After an advance that made no step: what ended the run, in one line. Collective.
  [[nodiscard]] std::string ending() const;

  /// 0.5 (e || E ||)^2, the loss of an output that is off by as much as the polynomial's error e allows: where the
  /// loss is not far above it, it is that of the polynomial rather than of the layer. None without a polynomial.
  /// Collective.
  [[nodiscard]] std::optional<double> loss_of_error() const;

  [[nodiscard]] const TrainState& state() const { return state_; }
  [[nodiscard]] double first_plan_seconds() const { return first_plan_seconds_; }

 private:
  [[nodiscard]] Evaluation evaluate(const std::vector<double>& weights);
  [[nodiscard]] std::string fault(const Point& at, std::int64_t step);
  [[nodiscard]] plan::Rates rates(const method::Setting& setting) const;
  void make_plan(const std::vector<double>& weights, double slack);  ///< those of the operands
  [[nodiscard]] bool try_plan(const std::vector<double>& weights, double slack);
  void shorten(const std::vector<double>& weights);
  [[nodiscard]] bool replan(const std::vector<double>& weights);

  const Communicator& comm_;
  Loss<T>& loss_;
  TrainOrder order_;
  TrainState state_;
  PlanWatch<T> watch_;
  std::string trouble_;                                     ///< of the evaluation made last, where it failed
  double reach_ = std::numeric_limits<double>::infinity();  ///< how far a step may go
  std::optional<plan::Rates> rates_;                        ///< measured once a run
  double first_plan_seconds_ = 0;
};

}  // namespace tattn::training
