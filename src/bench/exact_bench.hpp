#pragma once
#include <cstdint>

#include "comm/communicator.hpp"

namespace tattn::bench {

/// What is timed: order-2 attention of normal entries with scale 1 / dim.
struct ExactCase {
  std::int64_t rows;  ///< of Q, K1 and K2
  std::int64_t dim;   ///< of keys and values
  int threads;        ///< a rank
  int repeats;        ///< the best counts
};

/// How close do the exact forward and gradient come to what the machine can do? Prints, for float and double,
/// the rate of each pass by the formulas 2 (d+dv+1) n n1 n2 and 2 (3d+3dv) n n1 n2, in all and as a share of
/// ranks * threads times the sgemm (dgemm) rate of one core, measured just before and after. Collective.
void exact_benchmark(const Communicator& comm, const ExactCase& which);

}  // namespace tattn::bench
