#pragma once
#include "comm/communicator.hpp"
#include "tattn/attention.hpp"

namespace tattn {

/// planned_gradient, and for float rows of large scores in double: a weight of the gradient is exp(s - LSE), which
/// rounding LSE between the passes puts off by eps |LSE| of itself. Query rows for which that is more than 2^-16
/// pass forward and back again on copies in double, where LSE is not rounded on the way; all rows where causal.
/// Collective.
template <class T>
void gradient_of_any_scores(const Communicator& comm, const Problem& problem, const Plan& plan,
                            const Operands<T>& operands, const Options& options, const Output<const T>& out,
                            const T* upstream, const Gradients<T>& gradients, const Kept* kept);

}  // namespace tattn
