#pragma once
#include "comm/communicator.hpp"
#include "plan/grid.hpp"
#include "polynomial/polynomial.hpp"
#include "tattn/plan.hpp"

namespace tattn::split {

/// tattn::forward with exp(s) replaced by the plan's polynomial where all rows of a tuple are light, and by itself
/// where one is heavy (plan.heavy): with Z and N the sums of exp(s) and of exp(s) V over a set of tuples,
///
///     O = (N_light + N_heavy) / (Z_light + Z_heavy)      LSE = log(Z_light + Z_heavy)
///
/// Both are made as partial softmaxes and merged. Without heavy rows it is the polynomial method alone. Collective;
/// `grid`, `keep` and errors as in polynomial::forward, for the light rows. float is computed in double where the
/// plan says so; the exact part never needs it.
template <class T>
void forward(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
             const Operands<T>& operands, const Options& options, const Output<T>& out,
             polynomial::Moments* keep = nullptr);

/// The derivative of exactly that, given its O and LSE: with the normaliser and delta of the whole softmax each
/// part gives its share of every gradient, and the shares are added. Collective.
template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
              const Operands<T>& operands, const Options& options, const Output<const T>& out, const T* upstream,
              const Gradients<T>& gradients, const polynomial::Moments* kept = nullptr);

}  // namespace tattn::split
