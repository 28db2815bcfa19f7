#pragma once
#include <mpi.h>

#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/plan.hpp"
#include "tattn/problem.hpp"

namespace tattn {

namespace polynomial {
struct Moments;
}

/// What a forward pass may leave to the gradient of the same operands and plan, so that it need not be made again.
struct Kept {
  std::shared_ptr<polynomial::Moments> moments;
};

/// Output and log-sum-exp of tensor attention (formulas: Problem), by the method of `plan`.
///
/// Collective over `comm`: every rank calls with the same problem and options. `comm` stays the
/// caller's; the call works on a duplicate. T is float or double, and sums across blocks are kept in
/// double for both. Rows of `out` are written whole; nothing else is.
///
/// Method exact streams over the keys with O(n d) memory and never forms an n x n array. Method polynomial is
/// almost linear in the rows and its error is the plan's. For the same ranks, threads and instruction set the
/// result is the same bit for bit.
///
/// Throws Error (the same on every rank) with Status::failed when memory would not suffice or a polynomial's
/// normaliser is not positive, and Status::usage when shape, blocks and options do not fit together.
template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Plan& plan, const Operands<T>& operands,
             const Options& options, const Output<T>& out, Kept* keep = nullptr);

/// Gradients of sum(O * dO) with respect to every operand, given dO (`upstream`, rows of the query
/// block, value_dim columns) and the O and LSE of forward, from this call's operands or an earlier
/// run on the same ones with the same plan. Collective, memory, errors: as forward. The polynomial's are the
/// derivatives of exactly the values that its forward computes.
///
///     delta[i] = dO[i].O[i]     p = exp(s - LSE)     ds = p * (sum_m dO[i,m] V1[j1,m].. - delta[i])
///     dQ[i]  = scale sum ds K1[j1] * ..     dK_u[j] = scale sum ds Q[i] * (the other keys)
///     dV_u[j] = sum p dO[i] * (the other values)
///
/// In float32 LSE is rounded to eps |LSE|. Query rows with |LSE| above 256, where causal all rows, pass forward and
/// back again in double, on copies.
template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Plan& plan, const Operands<T>& operands,
              const Options& options, const Output<const T>& out, const T* upstream, const Gradients<T>& gradients,
              const Kept* kept = nullptr);

/// The same with a plan made on the spot, for O alone and for the gradients. A forward and a gradient that belong
/// together share one plan: make it with make_plan.
template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out);
template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients);

extern template void forward<float>(MPI_Comm, const Problem&, const Plan&, const Operands<float>&, const Options&,
                                    const Output<float>&, Kept*);
extern template void forward<double>(MPI_Comm, const Problem&, const Plan&, const Operands<double>&, const Options&,
                                     const Output<double>&, Kept*);
extern template void gradient<float>(MPI_Comm, const Problem&, const Plan&, const Operands<float>&, const Options&,
                                     const Output<const float>&, const float*, const Gradients<float>&,
                                     const Kept*);
extern template void gradient<double>(MPI_Comm, const Problem&, const Plan&, const Operands<double>&,
                                      const Options&, const Output<const double>&, const double*,
                                      const Gradients<double>&, const Kept*);
extern template void forward<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                                    const Output<float>&);
extern template void forward<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                                     const Output<double>&);
extern template void gradient<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                                     const Output<const float>&, const float*, const Gradients<float>&);
extern template void gradient<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                                      const Output<const double>&, const double*, const Gradients<double>&);

}  // namespace tattn
