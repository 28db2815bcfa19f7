#pragma once
#include <cstdint>
#include <functional>

namespace tattn {

enum class Method { automatic, exact, polynomial, dense };

/// How a computation is to be done; what is to be computed stands in Problem.
struct Options {
  Method method = Method::automatic;
  int threads = 1;                ///< OpenMP threads of this rank; the same on every rank
  std::int64_t memory_bytes = 0;  ///< most memory this rank may take in all; 0: no limit is checked

  /// Called now and then from the calling thread with the share of this rank's work that is done,
  /// in [0, 1]. May be empty.
  std::function<void(double)> progress;
};

}  // namespace tattn
