#pragma once
#include "comm/communicator.hpp"
#include "exact/softmax_rows.hpp"
#include "plan/heavy_rows.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::split {

/// The options of a part that takes `share` of a work of which `before` is done: its progress is told as the
/// whole's.
[[nodiscard]] Options part_options(const Options& options, double before, double share);

/// Merges the softmax over all tuples with a heavy row, by the exact method, into `sums`, whose rows are those of
/// operands.query. Each part (plan::exact_parts) is a problem of its own, spread over all ranks. Collective.
template <class T>
void exact_forward(const Communicator& comm, const Problem& problem, const plan::HeavyRows& heavy,
                   const Operands<T>& operands, const Options& options, exact::SoftmaxRows& sums);

/// Adds the share that these tuples have in every gradient, for the O and LSE of the whole softmax. Collective.
template <class T>
void exact_gradient(const Communicator& comm, const Problem& problem, const plan::HeavyRows& heavy,
                    const Operands<T>& operands, const Options& options, const Output<const T>& out,
                    const T* upstream, const Gradients<T>& gradients);

}  // namespace tattn::split
