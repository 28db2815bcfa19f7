#pragma once
#include <cstdint>
#include <string>

#include "tattn/problem.hpp"

namespace tattn {

/// A stream of random numbers where each entry is a pure function of (seed, name, index): however a
/// matrix is cut over ranks, threads or blocks, its entries are the same.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, const std::string& name);

  /// 64 random bits for counter `index` (SplitMix64 of the index-th step from a hashed start).
  [[nodiscard]] std::uint64_t bits(std::uint64_t index) const;

  /// Entries [entries.begin, entries.end) of a standard normal sequence, times `deviation` (Box-Muller).
  template <class T>
  void normal(RowRange entries, double deviation, T* out) const;

 private:
  std::uint64_t start_;
};

}  // namespace tattn
