#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tattn::io {

/// Place of the first entry that is NaN or Inf; `count` if there is none.
template <class T>
[[nodiscard]] std::int64_t first_not_finite(const T* entries, std::int64_t count) {
  return std::find_if(entries, entries + count, [](T x) { return !std::isfinite(x); }) - entries;
}

}  // namespace tattn::io
