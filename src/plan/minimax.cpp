#include "plan/minimax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "plan/exp_certificate.hpp"
#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

using Real = long double;

/// The polynomial that meets exp(x_k) (1 + (-1)^k level) at every node, in Newton's form on the nodes
/// but the last.
struct Levelled {
  std::vector<Real> nodes;
  std::vector<Real> newton;
  Real level = 0;

  [[nodiscard]] Real relative_error(Real x) const {
    Real p = 0;
    for (std::size_t k = newton.size(); k-- > 0;) p = p * (x - nodes[k]) + newton[k];
    return p * std::exp(-x) - 1;
  }
};

void divide_differences(const std::vector<Real>& nodes, std::vector<Real>& f) {
  for (std::size_t order = 1; order < f.size(); ++order)
    for (std::size_t k = f.size(); k-- > order;) f[k] = (f[k] - f[k - 1]) / (nodes[k] - nodes[k - order]);
}

Levelled interpolate(std::vector<Real> nodes) {
  std::vector<Real> plain(nodes.size()), alternating(nodes.size());
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    plain[k] = std::exp(nodes[k]);
    alternating[k] = k % 2 == 0 ? plain[k] : -plain[k];
  }
  divide_differences(nodes, plain);
  divide_differences(nodes, alternating);
  const Real level = -plain.back() / alternating.back();  // makes the leading difference vanish
  std::vector<Real> newton(nodes.size() - 1);
  for (std::size_t k = 0; k < newton.size(); ++k) newton[k] = plain[k] + level * alternating[k];
  return {std::move(nodes), std::move(newton), level};
}

struct Extremum {
  Real x = 0;
  Real error = 0;
};

/// The largest |error| near the middle one of three samples, by the parabola through them.
Extremum sharpen(const Levelled& p, const Extremum& a, const Extremum& b, const Extremum& c) {
  const Real left = (b.x - a.x) * (b.error - c.error), right = (b.x - c.x) * (b.error - a.error);
  if (left == right) return b;
  const Real x = b.x - ((b.x - a.x) * left - (b.x - c.x) * right) / (2 * (left - right));
  if (!(x > a.x && x < c.x)) return b;
  const Extremum top{x, p.relative_error(x)};
  return std::abs(top.error) > std::abs(b.error) ? top : b;
}

/// Samples the error between the nodes and out to the ends, and returns the extremum of each run of one
/// sign, from left to right.
std::vector<Extremum> extrema(const Levelled& p, Real range) {
  constexpr int kPieces = 5;
  std::vector<Extremum> samples;
  const auto sample = [&](Real from, Real to) {
    for (int i = 0; i < kPieces; ++i) {
      const Real x = from + (to - from) * static_cast<Real>(i) / kPieces;
      samples.push_back({x, p.relative_error(x)});
    }
  };
  if (p.nodes.front() > -range) sample(-range, p.nodes.front());
  for (std::size_t k = 0; k + 1 < p.nodes.size(); ++k) sample(p.nodes[k], p.nodes[k + 1]);
  if (p.nodes.back() < range) sample(p.nodes.back(), range);
  samples.push_back({range, p.relative_error(range)});

  std::vector<Extremum> tops;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const bool inner = i > 0 && i + 1 < samples.size();
    const bool peak = inner && std::abs(samples[i].error) >= std::abs(samples[i - 1].error) &&
                      std::abs(samples[i].error) >= std::abs(samples[i + 1].error);
    const Extremum here = peak ? sharpen(p, samples[i - 1], samples[i], samples[i + 1]) : samples[i];
    if (tops.empty() || (tops.back().error > 0) != (here.error > 0))
      tops.push_back(here);
    else if (std::abs(here.error) > std::abs(tops.back().error))
      tops.back() = here;
  }
  return tops;
}

std::vector<Real> chebyshev_extrema(Real range, int degree) {
  std::vector<Real> nodes(static_cast<std::size_t>(degree) + 2);
  for (std::size_t k = 0; k < nodes.size(); ++k)
    nodes[k] = -range * std::cos(std::numbers::pi_v<Real> * static_cast<Real>(k) / static_cast<Real>(degree + 1));
  return nodes;
}

struct Exchange {
  Levelled polynomial;
  Real largest = std::numeric_limits<Real>::infinity();  ///< of |error| over its extrema
  Real smallest = 0;
};

/// An alternating run of `wanted` extrema that keeps the largest.
void trim(std::vector<Extremum>& tops, std::size_t wanted) {
  while (tops.size() > wanted)
    tops.erase(std::abs(tops.front().error) < std::abs(tops.back().error) ? tops.begin() : tops.end() - 1);
}

Exchange remez(Real range, int degree) {
  constexpr int kRounds = 60;
  constexpr Real kLevel = 1.0002L;   // how well the extrema have to agree
  constexpr Real kNoise = 0x1p-58L;  // below this an exchange moves points by rounding
  const std::size_t wanted = static_cast<std::size_t>(degree) + 2;
  std::vector<Real> nodes = chebyshev_extrema(range, degree);
  Exchange best;
  for (int round = 0; round < kRounds; ++round) {
    Levelled p = interpolate(nodes);
    std::vector<Extremum> tops = extrema(p, range);
    trim(tops, wanted);
    const auto smaller = [](const Extremum& a, const Extremum& b) { return std::abs(a.error) < std::abs(b.error); };
    const auto [least, most] = std::minmax_element(tops.begin(), tops.end(), smaller);
    const Real largest = std::abs(most->error), smallest = std::abs(least->error);
    if (largest < best.largest) best = {std::move(p), largest, smallest};
    if (tops.size() < wanted || largest < kNoise || largest <= kLevel * smallest) break;
    for (std::size_t k = 0; k < wanted; ++k) nodes[k] = tops[k].x;
  }
  return best;
}

std::vector<Real> monomial_coefficients(const Levelled& p) {
  std::vector<Real> a(p.newton.size(), 0);
  for (std::size_t k = p.newton.size(); k-- > 0;) {  // a <- a (x - node) + newton
    for (std::size_t j = a.size() - 1; j > 0; --j) a[j] = a[j - 1] - p.nodes[k] * a[j];
    a[0] = p.newton[k] - p.nodes[k] * a[0];
  }
  return a;
}

/// The antiderivative of p that agrees with exp at -range.
std::vector<Real> antiderivative(const std::vector<Real>& p, Real range) {
  std::vector<Real> a(p.size() + 1, 0);
  Real at_start = 0;
  for (std::size_t k = p.size(); k > 0; --k) {
    a[k] = p[k - 1] / static_cast<Real>(k);
    at_start = (at_start + a[k]) * -range;
  }
  a[0] = std::exp(-range) - at_start;
  return a;
}

std::vector<double> taylor_coefficients(int degree) {
  std::vector<double> a(static_cast<std::size_t>(degree) + 1);
  Real term = 1;
  for (std::size_t k = 0; k < a.size(); ++k) {
    a[k] = static_cast<double>(term);
    term /= static_cast<Real>(k + 1);
  }
  return a;
}

std::vector<Real> exactly(const std::vector<double>& a) {
  return {a.begin(), a.end()};
}

/// Exact in long double: k has at most 7 bits and a_k 53.
std::vector<Real> derivative(const std::vector<double>& a) {
  std::vector<Real> result(std::max<std::size_t>(a.size() - 1, 1), 0);
  for (std::size_t k = 1; k < a.size(); ++k) result[k - 1] = static_cast<Real>(k) * static_cast<Real>(a[k]);
  return result;
}

/// Below double rounding an exchange would chase noise, and the series is as good.
bool series_is_exact_to_double(Real range, int degree) {
  const Real log_tail =
      static_cast<Real>(degree + 1) * std::log(range) - std::lgamma(static_cast<Real>(degree + 2));
  return log_tail + 2 * range < std::log(std::numeric_limits<double>::epsilon() / 16);
}

}  // namespace

ExpPolynomial relative_minimax_exp(double range, int degree, Target target) {
  if (!(range >= 0 && range <= kLargestRange) || degree < 0 || degree > kLargestDegree)
    throw Error(
        Status::failed,
        fmt::format("no polynomial of degree {} for exp on [-{}, {}]: degrees 0 to {} and ranges up to {} are "
                    "possible",
                    degree, range, range, kLargestDegree, kLargestRange));
  ExpPolynomial result{range, degree, {}, 0, 0, 0, 1};
  const int integrations = target == Target::gradients && degree > 0 ? 1 : 0;
  if (range == 0 || series_is_exact_to_double(range, degree - integrations)) {
    result.coefficients = taylor_coefficients(degree);
  } else {
    const Exchange exchange = remez(range, degree - integrations);
    std::vector<Real> a = monomial_coefficients(exchange.polynomial);
    if (integrations > 0) a = antiderivative(a, range);
    result.coefficients.assign(a.begin(), a.end());
    result.best_possible = static_cast<double>(exchange.smallest);
  }
  result.certified_error = certified_relative_error(exactly(result.coefficients), range);
  result.certified_slope_error = certified_relative_error(derivative(result.coefficients), range);
  result.condition = evaluation_condition(result.coefficients, range);
  return result;
}

std::optional<ExpPolynomial> smallest_degree(double range, double tolerance, int degree_limit, Target target) {
  int low = -1, high = std::min(degree_limit, kLargestDegree);  // low fails, high meets the tolerance
  if (high < 0 || !(range <= kLargestRange)) return std::nullopt;
  std::optional<ExpPolynomial> best;
  const auto meets = [&](const ExpPolynomial& p) {
    return p.certified_error <= tolerance && (target == Target::output || p.certified_slope_error <= tolerance);
  };
  // Rounding can spoil high degrees, so the upper end is found by climbing.
  for (int step = std::min(high, 4);; step = std::min(high, step * 2)) {
    ExpPolynomial p = relative_minimax_exp(range, step, target);
    if (meets(p)) {
      high = step;
      best = std::move(p);
      break;
    }
    if (step == high) return std::nullopt;
    low = step;
  }
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    ExpPolynomial p = relative_minimax_exp(range, middle, target);
    const bool good = meets(p);
    (good ? high : low) = middle;
    if (good) best = std::move(p);
  }
  return best;
}

std::optional<int> degree_in_exact_arithmetic(double range, double tolerance) {
  if (!(range <= kLargestRange)) return std::nullopt;
  if (range == 0) return 0;
  for (int degree = 0; degree <= kLargestDegree; ++degree)
    if (static_cast<double>(remez(range, degree).smallest) <= tolerance) return degree;
  return std::nullopt;
}

double softmax_weight_error(double exp_error) {
  return exp_error < 1 ? 2 * exp_error / (1 - exp_error) : std::numeric_limits<double>::infinity();
}

double exp_error_for(double weight_error) {
  return weight_error / (2 + weight_error);
}

}  // namespace tattn::plan
