#pragma once
#include <vector>

namespace tattn::cli {

/// The same numbers in double.
template <class T>
[[nodiscard]] std::vector<double> widened(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

}  // namespace tattn::cli
