#include "plan/machine.hpp"

#include <algorithm>

namespace tattn::plan {

Rates on_machine(const Rates& here, double core_flops, const Machine& machine, int element_bytes, int ranks,
                 int threads) {
  Rates there = here;
  const double faster = (element_bytes == 4 ? machine.core_flops_f32 : machine.core_flops_f64) / core_flops;
  for (double* rate : {&there.exact_forward, &there.exact_gradient, &there.polynomial_forward,
                       &there.polynomial_gradient, &there.core_flops})
    *rate *= faster;
  const int on_node = std::max(1, machine.cores_per_node / threads);
  there.latency = machine.latency;
  there.copies = machine.memory_bandwidth / 3 / std::min(ranks, on_node);
  there.cores_a_rank = static_cast<double>(machine.cores_per_node) / on_node;
  const bool one_node = ranks <= on_node;
  there.exchange = one_node ? machine.memory_bandwidth / 3 / ranks : machine.bandwidth / on_node;
  there.bandwidth = one_node ? there.exchange : there.exchange / 2;
  return there;
}

}  // namespace tattn::plan
