#pragma once
#include "comm/communicator.hpp"
#include "tattn/attention.hpp"

namespace tattn {

/// forward and gradient of tattn/attention.hpp by the plan's method, for a call that was checked. Collective.
template <class T>
void planned_forward(const Communicator& comm, const Problem& problem, const Plan& plan,
                     const Operands<T>& operands, const Options& options, const Output<T>& out, Kept* keep);
template <class T>
void planned_gradient(const Communicator& comm, const Problem& problem, const Plan& plan,
                      const Operands<T>& operands, const Options& options, const Output<const T>& out,
                      const T* upstream, const Gradients<T>& gradients, const Kept* kept);

}  // namespace tattn
