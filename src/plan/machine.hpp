#pragma once
#include <string>

#include "plan/cost_model.hpp"

namespace tattn::plan {

/// What the cost model must know of a machine: `tattn plan --calibrate` measures it, data/machines/ has published
/// ones.
struct Machine {
  std::string name;
  double core_flops_f32 = 0, core_flops_f64 = 0;  ///< flop/s of a core in large matrix products
  int cores_per_node = 1;
  double memory_bandwidth = 0;  ///< bytes/s of a node
  double latency = 0;           ///< seconds of the smallest message between two nodes
  double bandwidth = 0;         ///< bytes/s into the network of a node
};

/// Rates measured here, on a machine whose cores do `core_flops` in matrix products of this type, as they would be
/// on `machine`: the kernels keep their share of a matrix product. On one node ranks talk through memory,
/// which moves three numbers for one; beyond, all ranks of a node share its network, and a sum sends what it sums
/// twice. Pure.
[[nodiscard]] Rates on_machine(const Rates& here, double core_flops, const Machine& machine, int element_bytes,
                               int ranks, int threads);

}  // namespace tattn::plan
