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

/// How far a computation of the same formulas in a type of machine epsilon `eps` may be from the twin's `truth`,
/// entry by entry, to first order. Every sum (over rows, nodes or value columns) is off by sum_error(its
/// length) eps times the sum of absolute values, each monomial by eps times its factors. There are at most t + 3
/// sums one after another (moments, dN, dG, the product, the last one), so the bound is t + 3 times that error
/// times the same formulas over absolute values, in which the division by N[:, dv] brings the condition of N.
/// LSE is rounded once more, and exp(-LSE) inherits eps |LSE|.
Arrays polynomial_rounding_bound(const Case& c, const plan::Walk& walk, const Arrays& truth, double eps);

}  // namespace tattn::test
