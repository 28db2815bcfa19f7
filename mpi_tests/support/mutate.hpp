#pragma once
#include <cstdint>
#include <string>

namespace tattn::test {

/// A damaged copy of a file: bytes flipped, blocks zeroed or copied over others, numbers of absurd size, cut short
/// or with more at the end. Mostly in the first and last few KiB, where HDF5 keeps what it must understand. The
/// same for the same seed.
[[nodiscard]] std::string mutated(std::string bytes, std::uint64_t seed);

}  // namespace tattn::test
