#pragma once
#include <array>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/monomial_walk.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// Summed moments that forward leaves to gradient: of_key[u] is M_u, [slice][feature][dv + 1], whole on every rank.
/// Empty where the slices are too many to hold all moments at a time.
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
/// Collective; no operand leaves its rank. Who holds what, for sequence blocks a, b:
///
///     moments  a: its rows of K_u, V_u     -> summed over the ranks -> M is whole on all
///     output   a: its rows of Q            -> its rows of O and LSE
///
/// Throws Error(failed), the same on every rank, when a normaliser N[:, dv] is not positive: then the set is too
/// small for these scores. Not for causal problems. `keep`, if not null, takes the moments.
template <class T>
void forward(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const Operands<T>& operands,
             const Options& options, const Output<T>& out, Moments* keep = nullptr);

/// Reverse mode of exactly that forward pass, given its O and LSE:
///
///     dN = [dO, -dO.O] / N[:, dv]     dG = Phi(scale Q)^T dN     dM_u = weight * dG * (the other moments)
///     dQ = scale Phi'(dN G^T)         dK_u = Phi'([V_u 1] dM_u^T)     dV_u = Phi(K_u) dM_u
///
/// Phi' is the adjoint of Phi. Collective; dG is summed over the ranks like the moments. `kept` are moments of the
/// same operands and walk; null or empty, they are made again.
template <class T>
void gradient(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const Operands<T>& operands,
              const Options& options, const Output<const T>& out, const T* upstream, const Gradients<T>& gradients,
              const Moments* kept = nullptr);

}  // namespace tattn::polynomial
