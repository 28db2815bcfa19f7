#pragma once
#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "training/problem.hpp"

namespace tattn::training {

/// `to` = A^T gradient of all ranks' rows, the same bits at any number of ranks: by blocks of 64 rows, which are
/// added in a fixed order (plan::SumBlocks). `a` has this rank's rows of `all`, `gradient` the same rows. Rows move
/// to where whole blocks are, unless they are there. Collective.
template <class T>
void weight_gradient_in_blocks(const Communicator& comm, Block<const T> a, const T* gradient, std::int64_t all,
                               const WeightView& view, double* to);

}  // namespace tattn::training
