#include "study/fit.hpp"

#include <algorithm>
#include <cmath>

namespace tattn::study {

std::optional<PowerLaw> fit_power(const std::vector<Measurement>& points) {
  const auto count = static_cast<double>(points.size());
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const Measurement& point : points) {
    x += std::log(point.x) / count;
    y += std::log(point.y) / count;
  }
  for (const Measurement& point : points) {
    const double dx = std::log(point.x) - x;
    xx += dx * dx;
    xy += dx * (std::log(point.y) - y);
  }
  if (points.size() < 2 || xx == 0) return std::nullopt;
  const double exponent = xy / xx;
  return PowerLaw{exponent, std::exp(y - exponent * x)};
}

std::vector<Measurement> tail(const std::vector<Measurement>& points, double least, std::size_t most) {
  std::vector<Measurement> result;
  for (const Measurement& point : points)
    if (point.y >= least) result.push_back(point);
  if (result.size() > most) result.erase(result.begin(), result.end() - static_cast<std::ptrdiff_t>(most));
  return result;
}

std::optional<double> crossover(const std::vector<Measurement>& a, const std::vector<Measurement>& b) {
  std::optional<Measurement> before;  // the last shared point at which a is not above; y is log(a / b)
  std::optional<double> result;
  for (const Measurement& of_a : a)
    for (const Measurement& of_b : b) {
      if (of_a.x != of_b.x) continue;
      const Measurement here{of_a.x, std::log(of_a.y / of_b.y)};
      if (here.y <= 0) {
        before = here;
        result.reset();
      } else if (before && !result) {
        const double share = -before->y / (here.y - before->y);
        result = before->x * std::pow(here.x / before->x, share);
      }
    }
  return result;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace tattn::study
