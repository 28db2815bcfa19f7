#pragma once
#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::exact {

/// tattn::forward by the exact method. Collective. Who holds what, for ranks r:
///
///     before   r: rows owned(r) of Q, rows of each K_u and V_u as the caller cut them
///     work     r: rows work(r) of Q, whole K and V of the slices these rows belong to
///     after    r: rows owned(r) of O and LSE; partial softmaxes of ranks that share rows are merged
template <class T>
void forward(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out);

/// tattn::gradient by the exact method. Collective. Work as in forward; partial gradients of the rows
/// that several ranks worked on are summed at their owners in rank order.
template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients);

}  // namespace tattn::exact
