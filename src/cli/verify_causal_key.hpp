#pragma once
#include <vector>

#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::cli {

/// One slice, this rank's even share of every matrix; upstream, output and lse are cut as the queries.
struct SliceInDouble {
  Problem problem;
  io::OperandRows<double> operands;
  std::vector<double> output, lse;
};

/// Rows of K_u and V_u, or of their gradients.
struct KeyGradients {
  std::vector<double> key, value;
};

/// Gradients of row `j` of K_u and V_u of a causal slice. `row` holds that row of K_u and V_u, and the
/// result is valid, on rank 0; empty elsewhere. The row folds into queries and upstream gradient, which
/// leaves a causal problem of one order less, for the queries from j on:
///
///     Q'[i] = Q[i] * K_u[j]    dO'[i] = dO[i] * V_u[j]    p = exp(s' - LSE[i])
///     dK_u[j] = sum_i Q[i] * dQ'[i]        dV_u[j] = sum_i dO[i] * (sum over the other keys of p V')[i]
///
/// Collective.
[[nodiscard]] KeyGradients causal_key_gradients(const Communicator& comm, const SliceInDouble& slice, std::size_t u,
                                                std::int64_t j, const KeyGradients& row, const Options& library);

}  // namespace tattn::cli
