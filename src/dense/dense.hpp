#pragma once
#include "comm/communicator.hpp"
#include "full_gradient_call.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::dense {

/// tattn::forward by the closed form, orders 1 and 2: P is there as a whole, an n x n_1 n_2 matrix over all ranks.
/// An oracle for small problems: it shares no arithmetic with the other methods and computes in double also for
/// float, rounding results at the end. Collective. One slice after the other; who holds what, for ranks r:
///
///     before   r: rows of Q, K_u, V_u as the caller cut them
///     work     r: its blocks of S = scale Q (K1 (/) K2)^T, P and (K1 (/) K2), (V1 (/) V2); whole K_u, V_u of the
///     slice after    r: its rows of O = P (V1 (/) V2) and LSE
///
/// Same bits for the same ranks. Memory: plan::dense_memory_bytes, which the caller has checked.
template <class T>
void forward(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out);

/// tattn::gradient by the closed form, from the LSE and O of `out`. Collective. With P = exp(S - LSE) and
/// dS = P * (dO (V1 (/) V2)^T - delta):
///
///     dQ = scale dS (K1 (/) K2)     d(K1 (/) K2) = dS^T scale Q     d(V1 (/) V2) = P^T dO
///
/// of which each factor gets the sum over the rows of the other one.
template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients);

/// dX of order 2 from whole dS, one column b of A2 after the other: columns b a .. of dS (A2 (x) A3) are dS times
/// the column-wise Kronecker product of A2[:, b] and A3. Collective; the same bits on every rank.
template <class T>
[[nodiscard]] std::vector<double> full_gradient(const FullGradientCall<T>& call);

}  // namespace tattn::dense
