#pragma once
#include <mpi.h>

#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn {

/// Output and log-sum-exp of tensor attention (formulas: Problem).
///
/// Collective over `comm`: every rank calls with the same problem and options. `comm` stays the
/// caller's; the call works on a duplicate. T is float or double, and sums across blocks are kept in
/// double for both. Rows of `out` are written whole; nothing else is.
///
/// Method exact streams over the keys with O(n d) memory and never forms an n x n array. For the
/// same ranks, threads and instruction set the result is the same bit for bit.
///
/// Throws Error (the same on every rank) with Status::failed when memory would not suffice and
/// Status::usage when shape, blocks and options do not fit together.
template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out);

/// Gradients of sum(O * dO) with respect to every operand, given dO (`upstream`, rows of the query
/// block, value_dim columns) and the O and LSE of forward, from this call's operands or an earlier
/// run on the same ones. Collective, memory, errors: as forward.
///
///     delta[i] = dO[i].O[i]     p = exp(s - LSE)     ds = p * (sum_m dO[i,m] V1[j1,m].. - delta[i])
///     dQ[i]  = scale sum ds K1[j1] * ..     dK_u[j] = scale sum ds Q[i] * (the other keys)
///     dV_u[j] = sum p dO[i] * (the other values)
template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients);

extern template void forward<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                                    const Output<float>&);
extern template void forward<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                                     const Output<double>&);
extern template void gradient<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                                     const Output<const float>&, const float*, const Gradients<float>&);
extern template void gradient<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                                      const Output<const double>&, const double*, const Gradients<double>&);

}  // namespace tattn
