#pragma once
#include <functional>
#include <string>

#include "comm/communicator.hpp"

namespace tattn::bench {

/// How long a pass takes, and what one core does in the same run.
struct PassTime {
  double seconds;  ///< shortest over the repeats of the largest over the ranks
  double gemm;     ///< flops per second of sgemm (dgemm) on one thread, the most seen before, between and after
};

/// Times `pass`, which is collective, between measurements of gemm in type T. Collective.
template <class T>
[[nodiscard]] PassTime time_pass(const Communicator& comm, int repeats, const std::function<void()>& pass);

/// Rank 0 prints the rate of a pass of `flops` in type T, in all and as a share of ranks * threads gemms.
template <class T>
void print_rate(const Communicator& comm, const std::string& pass, int threads, double flops, const PassTime& time);

}  // namespace tattn::bench
