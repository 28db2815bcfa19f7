#pragma once
#include <functional>

namespace tattn::bench {

/// Flops per second of OpenBLAS sgemm or dgemm on one thread, 1536 x 1536 x 1536, best of `repeats`.
template <class T>
[[nodiscard]] double gemm_rate(int repeats);

/// Shortest seconds of `repeats` runs of `step`.
[[nodiscard]] double best_seconds(int repeats, const std::function<void()>& step);

}  // namespace tattn::bench
