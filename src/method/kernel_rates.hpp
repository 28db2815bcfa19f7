#pragma once
#include "comm/communicator.hpp"
#include "plan/cost_model.hpp"
#include "tattn/problem.hpp"

namespace tattn::method {

/// Rates of this machine for problems like `problem`, measured in about a tenth of a second: both methods run on a
/// small problem of the same order and dims on every rank at a time, and a sum over the ranks; the slowest rank
/// counts. Collective.
template <class T>
[[nodiscard]] plan::Rates measure_rates(const Communicator& comm, const Problem& problem);

}  // namespace tattn::method
