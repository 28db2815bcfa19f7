#pragma once
// The slow twin of the polynomial method with heavy rows: tuple by tuple, each with its own function of
//
//     z[l] = scale Q[i,l] K1[j1,l] .. Kt[jt,l]:      f = exp(sum_l z[l]) where a row is heavy, else
//                                                   f = sum over alpha of weight z^alpha, the walk's polynomial
//
// in long double. O = sum f V1 .. Vt / sum f, and gradients by the chain rule through f and z.
#include "plan/heavy_rows.hpp"
#include "plan/monomial_walk.hpp"
#include "support/case.hpp"

namespace tattn::test {

/// `counts` rows of every slice, drawn.
plan::HeavyRows draw_heavy(const Shape& shape, const plan::HeavyCounts& counts, std::uint64_t seed);

/// The case with the entries of its heavy rows times `factor`.
Case outliers(Case c, const plan::HeavyRows& heavy, double factor);

/// O, LSE, dQ, dK1.., dV1.. of sum(O * dO).
Arrays plain_split(const Case& c, const plan::Walk& walk, const plan::HeavyRows& heavy);

/// How far results in a type of machine epsilon `eps` may be from the twin's `truth`: a share of the exact method's
/// bound, plus the polynomial's over the light rows with the normaliser of the whole softmax; twice, as each part's
/// LSE and gradients are rounded once more before they are merged.
Arrays split_rounding_bound(const Case& c, const plan::Walk& walk, const plan::HeavyRows& heavy,
                            const Arrays& truth, double eps, double smallest);

}  // namespace tattn::test
