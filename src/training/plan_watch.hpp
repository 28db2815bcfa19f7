#pragma once
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/options.hpp"
#include "training/loss.hpp"
#include "training/train_state.hpp"

namespace tattn::training {

/// Tells when weights have moved so far that the features of a plan no longer hold the tolerance.
///
/// A certified plan holds up to the bound of all scores that it was made for; the bound costs a pass over the
/// operands in every step. For a measured one, whose features suit the directions of the data, the error is
/// measured on sampled rows when the bound has grown, when X1 .. have moved, though not more often than takes a
/// small share of the run, and every so many steps in any case. Plans of other methods, and of features that were
/// fixed, always hold.
template <class T>
class PlanWatch {
 public:
  /// All outlive this.
  PlanWatch(const Communicator& comm, const Loss<T>& loss, const Options& options)
      : comm_(comm), loss_(loss), options_(options) {}

  [[nodiscard]] bool watches(const Plan& plan) const;

  /// Why `plan` does not hold for `weights`, those of the operands of the loss; empty while it does. Collective.
  [[nodiscard]] std::string fault(const Plan& plan, std::int64_t step, const std::vector<double>& weights,
                                  WatchState& state) const;

  /// For a plan that was just made for `weights`, for scores `slack` times as large. Collective.
  void start(const Plan& plan, std::int64_t step, const std::vector<double>& weights, double slack,
             WatchState& state) const;

  /// The least steps between measurements while the bound stays.
  [[nodiscard]] std::int64_t interval(const Plan& plan) const;

 private:
  [[nodiscard]] double bound() const;
  [[nodiscard]] bool time_to_look(const Plan& plan, std::int64_t step, double moved, double bound,
                                  const WatchState& state) const;

  const Communicator& comm_;
  const Loss<T>& loss_;
  const Options& options_;
};

}  // namespace tattn::training
