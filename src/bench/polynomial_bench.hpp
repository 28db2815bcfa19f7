#pragma once
#include <cstdint>

#include "comm/communicator.hpp"

namespace tattn::bench {

/// What is timed: order-2 attention of normal entries small enough for bounded scores, with scale 1 / dim and the
/// first `features` monomials of the smallest full walk that has so many.
struct PolynomialCase {
  std::int64_t rows;      ///< of Q, K1 and K2
  std::int64_t dim;       ///< of keys and values
  std::int64_t features;  ///< r
  int threads;            ///< a rank
  int repeats;            ///< the best counts
};

/// How close do the polynomial forward and gradient come to what the machine can do? Prints, for float and double,
/// the rate of each by the formulas 2 r (dv+1) (n + n1 + n2) and 4 r (dv+1) (n + n1 + n2), in all and as a share
/// of ranks * threads times the sgemm (dgemm) rate of one core of the same run. The gradient twice: on the moments
/// that forward kept, and on its own, when it makes them again. At several ranks also: how much of the time that
/// the sums of the moments over the ranks take by themselves is hidden behind the passes? Collective.
void polynomial_benchmark(const Communicator& comm, const PolynomialCase& which);

}  // namespace tattn::bench
