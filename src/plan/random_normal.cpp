#include "plan/random_normal.hpp"

#include <cmath>
#include <numbers>

namespace tattn {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// In (0, 1): 53 bits and half a step, so that its logarithm is finite.
double unit(std::uint64_t bits) {
  return (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, const std::string& name) : start_(mix(seed + 0x9e3779b97f4a7c15U)) {
  for (const char c : name) start_ = mix(start_ ^ static_cast<unsigned char>(c));
}

std::uint64_t RandomStream::bits(std::uint64_t index) const {
  return mix(start_ + (index + 1) * 0x9e3779b97f4a7c15U);
}

template <class T>
void RandomStream::normal(RowRange entries, double deviation, T* out) const {
  for (std::int64_t pair = entries.begin / 2; 2 * pair < entries.end; ++pair) {
    const auto counter = static_cast<std::uint64_t>(2 * pair);
    const double radius = deviation * std::sqrt(-2 * std::log(unit(bits(counter))));
    const double angle = 2 * std::numbers::pi * unit(bits(counter + 1));
    if (2 * pair >= entries.begin) *out++ = static_cast<T>(radius * std::cos(angle));
    if (2 * pair + 1 < entries.end) *out++ = static_cast<T>(radius * std::sin(angle));
  }
}

template void RandomStream::normal(RowRange, double, float*) const;
template void RandomStream::normal(RowRange, double, double*) const;

}  // namespace tattn
