#pragma once
#include <optional>
#include <vector>

namespace tattn::study {

struct Measurement {
  double x = 0, y = 0;
};

/// y = factor * x^exponent, by least squares of the logarithms.
struct PowerLaw {
  double exponent = 0, factor = 0;
};

/// Nothing for fewer than two different x. All x and y must be above 0.
[[nodiscard]] std::optional<PowerLaw> fit_power(const std::vector<Measurement>& points);

/// The points, of which x ascends, that tell how y grows: the last few with y of at least `least`, below which
/// starting costs more than the work.
[[nodiscard]] std::vector<Measurement> tail(const std::vector<Measurement>& points, double least, std::size_t most);

/// The x from which on `a` is above `b`, interpolated between the points that they share on logarithmic scales;
/// nothing where `a` is above at no shared point or at all. x ascends in both.
[[nodiscard]] std::optional<double> crossover(const std::vector<Measurement>& a, const std::vector<Measurement>& b);

/// The middle value, or the mean of the two in the middle; `values` must not be empty.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace tattn::study
