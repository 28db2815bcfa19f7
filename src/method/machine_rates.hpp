#pragma once
#include "comm/communicator.hpp"
#include "plan/machine.hpp"

namespace tattn::method {

/// flop/s of a core in matrix products of type T, the slowest rank counting. Takes a third of a second. Collective.
template <class T>
[[nodiscard]] double core_flops(const Communicator& comm);

/// This machine as the cost model sees it: matrix products and memory by all ranks at once, the network by sums
/// over the ranks, where there is more than one; on one node that is its memory. Takes a few seconds. Collective.
[[nodiscard]] plan::Machine measure_machine(const Communicator& comm);

}  // namespace tattn::method
