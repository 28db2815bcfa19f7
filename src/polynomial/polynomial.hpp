#pragma once
#include <array>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/grid.hpp"
#include "plan/monomial_walk.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// Summed moments that forward leaves to gradient: of_key[u] is M_u of this rank's slices and features, [slice]
/// [feature][dv + 1], whole on every rank down the sequence. Empty where the slices are too many to hold all
/// moments at a time.
struct Moments {
  std::array<std::vector<double>, kMaxOrder> of_key;
  [[nodiscard]] bool empty() const { return of_key[0].empty(); }
};

/// tattn::forward with exp(s) replaced by the polynomial that `walk` stands for: with Phi[x, alpha] = x^alpha,
/// slice by slice,
///
///     M_u = Phi(K_u)^T [V_u 1]     G = weight * M_1 * .. * M_t     N = Phi(scale Q) G
///     O = N[:, :dv] / N[:, dv]     LSE = log N[:, dv]
///
/// Collective. Who holds what, for sequence blocks a, b and feature groups f, g of one group of slices:
///
///     before   (a,f) (a,g) rows a of Q, K_u, V_u          (b,f) (b,g) rows b
///     moments  (a,f) (b,f): sum of the rows of a and b, M of f      (a,g) (b,g): M of g
///     output   (a,f) (a,g): N of rows a from f and from g    -> summed, O and LSE where the rows are held
///
/// Rows move to where the work is and back, unless they are there already: always with more than one feature group,
/// which share rows; else when every rank holds what plan::grid_rows gives it.
///
/// Throws Error(failed), the same on every rank, when a normaliser N[:, dv] is not positive: then the set is too
/// small for these scores; Error(usage) for causal problems and a grid of another number of ranks. `keep`, if not
/// null, takes the moments.
template <class T>
void forward(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const plan::Grid& grid,
             const Operands<T>& operands, const Options& options, const Output<T>& out, Moments* keep = nullptr);

/// N of that forward pass, [rows][dv + 1], not divided, whatever its sign. For a communicator of one rank.
void weighted_sums(const Communicator& alone, const Problem& problem, const plan::Walk& walk,
                   const Operands<double>& operands, double* sums);

/// Reverse mode of exactly that forward pass, given its O and LSE:
///
///     dN = [dO, -dO.O] / N[:, dv]     dG = Phi(scale Q)^T dN     dM_u = weight * dG * (the other moments)
///     dQ = scale Phi'(dN G^T)         dK_u = Phi'([V_u 1] dM_u^T)     dV_u = Phi(K_u) dM_u
///
/// Phi' is the adjoint of Phi. Collective; dG is summed like the moments, dQ, dK_u and dV_u like N. `kept` are
/// moments of the same operands, walk and grid; null or empty, they are made again.
template <class T>
void gradient(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const plan::Grid& grid,
              const Operands<T>& operands, const Options& options, const Output<const T>& out, const T* upstream,
              const Gradients<T>& gradients, const Moments* kept = nullptr);

}  // namespace tattn::polynomial
