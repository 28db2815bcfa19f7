#pragma once
#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::training {

/// The loss 0.5 || O - E ||_F^2 over the rows of all ranks, the same bits on every rank; `upstream` takes O - E,
/// and may be `target` itself. `output` has this rank's rows, value_dim columns. Sums in double, by rows in rank
/// order, or, if `reproducible`, in the order of the rows, for which rank 0 gets a number a row. Collective.
template <class T>
[[nodiscard]] double loss_of_target(const Communicator& comm, const Shape& shape, Block<const T> output,
                                    const T* target, T* upstream, bool reproducible);

}  // namespace tattn::training
