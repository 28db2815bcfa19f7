#include "support/mutate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

namespace tattn::test {
namespace {

using Draw = std::mt19937_64;

std::size_t below(Draw& draw, std::size_t limit) {
  return limit == 0 ? 0 : draw() % limit;
}

/// A place in the bytes, more often near their ends than not.
std::size_t place(Draw& draw, const std::string& bytes) {
  const std::size_t near = std::min<std::size_t>(bytes.size(), 4096);
  switch (below(draw, 4)) {
    case 0:
      return below(draw, bytes.size());
    case 1:
      return bytes.size() - 1 - below(draw, near);
    default:
      return below(draw, near);
  }
}

void absurd_number(Draw& draw, std::string& bytes) {
  static constexpr std::array<std::uint64_t, 8> kNumbers = {0,
                                                            1,
                                                            0x7fffffff,
                                                            0xffffffff,
                                                            0x7fffffffffffffff,
                                                            0x8000000000000000,
                                                            0xffffffffffffffff,
                                                            std::uint64_t{1} << 40};
  const std::uint64_t number = kNumbers[below(draw, kNumbers.size())];
  const std::size_t width = std::size_t{1} << below(draw, 4), at = place(draw, bytes) / width * width;
  std::memcpy(bytes.data() + at, &number, std::min(width, bytes.size() - at));
}

void once(Draw& draw, std::string& bytes) {
  if (bytes.empty()) return;
  const std::size_t at = place(draw, bytes), length = std::min(bytes.size() - at, 1 + below(draw, 64));
  switch (below(draw, 8)) {
    case 0:
      return bytes.resize(at);
    case 1:
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
      return;
    case 2:
      bytes.replace(at, length, bytes.substr(below(draw, bytes.size() - length + 1), length));
      return;
    case 3:
    case 4:
      return absurd_number(draw, bytes);
    case 5:
      bytes.append(length, static_cast<char>(draw()));
      return;
    default:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(draw, 8)));
  }
}

}  // namespace

std::string mutated(std::string bytes, std::uint64_t seed) {
  Draw draw(seed);
  for (std::size_t times = 1 + below(draw, 4); times > 0; --times) once(draw, bytes);
  return bytes;
}

}  // namespace tattn::test
