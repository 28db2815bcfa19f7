#include "plan/exp_certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::plan {
namespace {

using Real = long double;
constexpr Real kRoundoff = std::numeric_limits<Real>::epsilon() / 2;

struct Piece {
  Real centre = 0;
  Real half_width = 0;
};

struct Bound {
  Real total = 0;     ///< of |error| on the piece
  Real rounding = 0;  ///< the part of it that halving the piece does not reduce
  Real centre = 0;    ///< |error| at the centre, but for rounding
};

class Certificate {
 public:
  Certificate(const std::vector<Real>& coefficients, Real range)
      : coefficients_(coefficients), shifted_(coefficients_.size()), range_(range) {}

  Real run() {
    const auto pieces = static_cast<int>(4 * coefficients_.size());
    const Real half_width = range_ / static_cast<Real>(pieces);
    std::vector<Piece> open;
    for (int i = 0; i < pieces; ++i)
      open.push_back({-range_ + half_width * static_cast<Real>(2 * i + 1), widened(half_width)});
    for (const Piece& piece : open) seen_ = std::max(seen_, bound(piece).centre);

    Real largest = 0;
    while (!open.empty()) {
      const Piece piece = open.back();
      open.pop_back();
      const Bound b = bound(piece);
      seen_ = std::max(seen_, b.centre);
      if (b.total <= kTightness * seen_ + 2 * b.rounding || piece.half_width < range_ * kNarrowest) {
        largest = std::max(largest, b.total);
        continue;
      }
      const Real quarter = piece.half_width / 2;
      open.push_back({piece.centre - quarter, widened(quarter)});
      open.push_back({piece.centre + quarter, widened(quarter)});
    }
    return largest;
  }

 private:
  static constexpr Real kTightness = 1.002L;
  static constexpr Real kNarrowest = 1e-9L;

  /// Neighbours overlap, so that rounded centres leave no gap.
  [[nodiscard]] Real widened(Real half_width) const { return half_width + 8 * kRoundoff * range_; }

  [[nodiscard]] Real magnitude(Real x) const {
    Real sum = 0;
    for (std::size_t k = coefficients_.size(); k-- > 0;) sum = sum * x + std::abs(coefficients_[k]);
    return sum;
  }

  /// p(centre + u) = sum shifted_[j] u^j by repeated Horner steps.
  void shift_to(Real centre) {
    shifted_ = coefficients_;
    for (std::size_t first = 0; first + 1 < shifted_.size(); ++first)
      for (std::size_t j = shifted_.size() - 1; j-- > first;) shifted_[j] += centre * shifted_[j + 1];
  }

  Bound bound(const Piece& piece) {
    const Real c = piece.centre, h = piece.half_width;
    const auto terms = static_cast<Real>(coefficients_.size());
    shift_to(c);
    const Real exp_c = std::exp(c);
    Real difference = 0, power = 1;  // power = h^j / j!, and h^j = power * j!
    Real factorial = 1, exp_terms = 0, at_centre = 0;
    for (std::size_t j = 0; j < shifted_.size(); ++j) {
      const Real gap = std::abs(shifted_[j] * factorial - exp_c) * power;
      if (j == 0) at_centre = gap;
      difference += gap;
      exp_terms += exp_c * power;
      factorial *= static_cast<Real>(j + 1);
      power *= h / static_cast<Real>(j + 1);
    }
    const Real tail = exp_c * std::exp(h) * power;
    const Real outer = std::exp(h - c) * (1 + (64 + 4 * range_) * kRoundoff);
    const Real unit = kRoundoff * (6 * terms + 64);
    const Real rounding = outer * unit * (magnitude(std::abs(c) + h) + exp_terms + tail);
    return {outer * (difference + tail) + rounding, rounding, at_centre / exp_c};
  }

  std::vector<Real> coefficients_;
  std::vector<Real> shifted_;
  Real range_;
  Real seen_ = 0;
};

double rounded_up(Real x) {
  const auto nearest = static_cast<double>(x);
  return nearest == 0 ? 0 : std::nextafter(nearest, std::numeric_limits<double>::infinity());
}

}  // namespace

double certified_relative_error(const std::vector<long double>& coefficients, double range) {
  if (range == 0) return rounded_up(std::abs(coefficients[0] - 1));
  return rounded_up(Certificate(coefficients, range).run());
}

double evaluation_condition(const std::vector<double>& coefficients, double range) {
  Real sum = 0;
  for (std::size_t k = coefficients.size(); k-- > 0;)
    sum = sum * range + std::abs(static_cast<Real>(coefficients[k]));
  return rounded_up(sum * std::exp(static_cast<Real>(range)));
}

}  // namespace tattn::plan
