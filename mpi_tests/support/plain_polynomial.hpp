#pragma once
// The slow twin of the polynomial method: moments, product and output over a walk, and reverse mode of
// exactly that, as the formulas say them, in long double. It decides who is right.
#include "plan/monomial_walk.hpp"
#include "support/case.hpp"

namespace tattn::test {

/// With Phi[x, alpha] = x^alpha for the nodes alpha of the walk, for each slice by itself:
///
///     M_u = Phi(K_u)^T [V_u 1]        G = weight * M_1 * .. * M_t        N = Phi(scale Q) G
///     O = N[:, :dv] / N[:, dv]        LSE = log N[:, dv]
///
/// O, LSE, dQ, dK1.., dV1.. of sum(O * dO); causal is not looked at. Not a number where N[:, dv] <= 0.
Arrays plain_polynomial(const Case& c, const plan::Walk& walk);

}  // namespace tattn::test
