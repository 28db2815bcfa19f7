#pragma once
#include "comm/communicator.hpp"
#include "plan/cost_model.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::method {

/// Rates of this machine for problems like `problem`, measured in less than a tenth of a second: `method` (exact,
/// polynomial, or automatic, both of them) runs on a small problem of the same order and dims on every rank at a
/// time, and sums over the ranks; the slowest rank counts. Rates of what did not run are 0. Collective.
template <class T>
[[nodiscard]] plan::Rates measure_rates(const Communicator& comm, const Problem& problem, Method method);

/// Adds the polynomial method's to what was measured for the exact one. Collective.
template <class T>
void add_polynomial_rates(const Communicator& comm, const Problem& problem, plan::Rates& rates);

}  // namespace tattn::method
