#pragma once
// How far a result computed in a type T may be from the exact one: first-order rounding analysis, entry
// by entry. Write eps for T's machine epsilon (twice the unit roundoff, which leaves a factor 2 for the
// terms of second order), |X| for the same formula with every operand replaced by its absolute value.
//
// Sum of k terms: at most min(k, 4 sqrt(k)) eps times the sum of the absolute values, the worst case or,
// for long sums, the bound that independent roundings exceed with probability below 2 exp(-32) (Higham
// and Mary, A new approach to probabilistic rounding error analysis, 2019, with lambda = 8 in units of
// roundoff). Written sum_error(k) below.
//
// Score: d products of t+1 factors and the scale, so an absolute error of (sum_error(d) + t + 2) eps |s|,
// with |s| = |scale| sum_l |Q K1 .. Kt| its condition; then s - top and s - LSE round once more, and LSE
// itself is rounded. Together
//     e = eps ((sum_error(d) + t + 2) |s| + 2 max|s| + |LSE|),   the maximum over the row.
//
// Weight: P = exp(s) / sum exp(s). The normaliser's relative error is the mean of e under P; exp itself is good
// to 4 eps, and the normaliser is a sum of N terms, the number of the row's key tuples. So, relatively,
//     w = exp(e + mean e) - 1 + (sum_error(N) + 8) eps
// and where P underflows an absolute error of a few times T's smallest normal number, which a kernel may well
// take instead of zero.
//
// LSE: mean e + eps |LSE| + (sum_error(N) + 4) eps.
// O, dV_u: weights times t factors, summed: P |V .. V| (w + (sum_error(terms) + t + 1) eps), summed.
// ds = P (dp - delta): dp is a sum of dv products, delta = dO.O inherits the error of O. P brings w |dp - delta|,
// but their own errors are relative to |dp| and |delta|: this is where cancellation happens. dQ, dK_u are sums of
// ds times t factors and the scale.
#include <limits>

#include "support/case.hpp"

namespace tattn::test {

/// What the bound needs to know of a type.
struct Precision {
  double eps = 0;
  double smallest = 0;  ///< absolute error of a weight that underflows
};

template <class T>
constexpr Precision precision_of() {
  return {static_cast<double>(std::numeric_limits<T>::epsilon()),
          4 * static_cast<double>(std::numeric_limits<T>::min())};
}

/// Error of a sum of `terms` terms, in units of eps times the sum of absolute values.
double sum_error(double terms);

/// The bound above for every entry of every result. Computed by the loops of the twin.
Arrays rounding_bound(const Case& c, Precision precision);

/// a * x, entry by entry, and a + b.
Arrays times(double a, Arrays x);
Arrays plus(Arrays a, const Arrays& b);

/// Empty when every array of `want` is in `got` with each |got - want| <= bound. Otherwise one line that
/// names the worst entry of the worst array. A NaN is beyond every bound.
std::string first_difference(const Arrays& got, const Arrays& want, const Arrays& bound);

}  // namespace tattn::test
