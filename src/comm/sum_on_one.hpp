#pragma once
#include <cstdint>

#include "comm/communicator.hpp"

namespace tattn {

/// values[x] = sum over the ranks of values[x], made on one rank and sent to all, so that all have the same bits,
/// which MPI only recommends for Communicator::sum. The same `count` on every rank. Collective.
void sum_on_one(const Communicator& comm, double* values, std::int64_t count);

}  // namespace tattn
