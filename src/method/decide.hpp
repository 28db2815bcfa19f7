#pragma once
#include <optional>

#include "comm/communicator.hpp"
#include "plan/cost_model.hpp"
#include "plan/machine.hpp"
#include "tattn/plan.hpp"

namespace tattn::method {

/// What make_plan is not told by its options.
struct Setting {
  bool gradients = false;
  int ranks = 1;                                        ///< that the plan is for, not always those that make it
  std::optional<plan::Grid> grid = std::nullopt;        ///< fixed; else the fastest
  std::optional<plan::Machine> machine = std::nullopt;  ///< that the plan is for; else this one
  std::int64_t runs = 1;                                ///< that share the time of choosing features
  std::optional<plan::Rates> rates = std::nullopt;      ///< of both methods, known already; else measured
};

/// What the machine that is planned for reaches with this problem: this one's rates are measured, kernels by
/// options.method alone, unless the setting knows them. Nothing is known of ScaLAPACK's. Collective.
template <class T>
[[nodiscard]] plan::Rates rates_for(const Communicator& comm, const Problem& problem, const Options& options,
                                    const Setting& setting);

/// tattn::make_plan for a number of ranks. Collective.
template <class T>
[[nodiscard]] Plan decide(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                          const Options& options, const Setting& setting);

/// The plan that takes the place of an automatic one whose polynomial met a normaliser that is not positive: exact,
/// with that as its reason. Collective.
template <class T>
[[nodiscard]] Plan exact_instead(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                 Options options, const Setting& setting);

}  // namespace tattn::method
