#pragma once
#include <optional>
#include <vector>

namespace tattn::plan {

/// What a polynomial or a set of monomials is to serve: O, or the gradients too.
enum class Target { output, gradients };

/// p(x) = coefficients[0] + coefficients[1] x + .. + coefficients[degree] x^degree, close to exp(x) in
/// relative error for |x| <= range.
struct ExpPolynomial {
  double range = 0;
  int degree = 0;
  std::vector<double> coefficients;

  /// Proven: |p(x) exp(-x) - 1| <= certified_error for every real |x| <= range, p being the polynomial
  /// with exactly these double coefficients in exact arithmetic.
  double certified_error = 0;

  /// Proven in the same way: |p'(x) exp(-x) - 1| <= certified_slope_error. The gradient of the
  /// polynomial method has p' where the exact one has exp, so it is held by the larger of the two.
  double certified_slope_error = 0;

  /// About the smallest error that any polynomial of this degree can have: what would remain of
  /// certified_error (for gradients of certified_slope_error) without rounding the coefficients.
  double best_possible = 0;

  /// max over |x| <= range of sum_k |a_k x^k| exp(-x). Evaluating p term by term with unit roundoff u
  /// and sums of length m adds at most about m u condition to the relative error; exp(2 range) or so.
  double condition = 1;
};

/// The polynomial of degree `degree` whose largest relative error on [-range, range] is smallest, but
/// for the rounding of its coefficients to double.
///
/// How it is found: weighted Remez exchange in long double. At degree + 2 points x_0 < x_1 < .. the
/// polynomial satisfies p(x_k) exp(-x_k) - 1 = (-1)^k E; the points move to the extrema of the error
/// until these agree in size (de la Vallee-Poussin: their smallest size bounds the best error from below).
/// Divided differences over ascending points lose nothing to cancellation against
/// sum_k |w_k| exp(x_k), so that E is right to a few eps absolutely, however large the range.
///
/// How it is certified: on [c-h, c+h] let p(c+u) = sum b_j u^j exactly. Then
///
///     |p(c+u) - exp(c+u)| <= sum_j |b_j - exp(c)/j!| h^j + exp(c) exp(h) h^(g+1)/(g+1)!
///
/// and the relative error is at most exp(h-c) times that. The b_j come from Horner shifts in long double,
/// with an error of at most gamma_(4g+..) sum_k |a_k| (|c|+h)^k in sum_j |b_j| h^j, which is added, as is
/// an allowance of 16 ulp for each exp of the C library (glibc states at most 2). Intervals are halved
/// until the bound is within 0.2 % of a value that the error takes somewhere. Nothing is sampled: the
/// pieces cover [-range, range].
///
/// For Target::gradients it is the antiderivative, with p(-range) = exp(-range), of the best polynomial of
/// one degree less. If |p' - exp| <= e exp on the interval, integration from -range gives |p - exp| <=
/// e (exp(x) - exp(-range)) < e exp(x): value and slope share one error, and a gradient costs just one degree.
/// (The best p for values alone has a far worse slope.)
///
/// Throws Error (failed) unless range is in [0, kLargestRange] and degree in 0..kLargestDegree.
[[nodiscard]] ExpPolynomial relative_minimax_exp(double range, int degree, Target target = Target::output);

inline constexpr int kLargestDegree = 100;
inline constexpr double kLargestRange = 64;  // far beyond what double coefficients can serve

/// The polynomial of smallest degree <= degree_limit with certified_error, and for gradients also
/// certified_slope_error, <= tolerance; none if there is none: in double coefficients nothing helps once
/// exp(2 range) eps exceeds the tolerance. Any range >= 0.
[[nodiscard]] std::optional<ExpPolynomial> smallest_degree(double range, double tolerance, int degree_limit,
                                                           Target target = Target::output);

/// The smallest degree <= kLargestDegree whose best_possible error meets the tolerance, whatever
/// the precision: for saying how far out of reach a range is. None beyond kLargestRange or that degree.
[[nodiscard]] std::optional<int> degree_in_exact_arithmetic(double range, double tolerance);

/// If every exp(s) is replaced by a value within relative error e < 1, each softmax weight is off by at
/// most this share of itself: (1+e)/(1-e) - 1 = 2e / (1-e). Infinite for e >= 1.
[[nodiscard]] double softmax_weight_error(double exp_error);

/// The inverse: the relative error of exp that keeps softmax weights within `weight_error`.
[[nodiscard]] double exp_error_for(double weight_error);

}  // namespace tattn::plan
