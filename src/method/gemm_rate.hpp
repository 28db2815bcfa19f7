#pragma once

namespace tattn::method {

/// Flops per second of OpenBLAS sgemm or dgemm on one thread, 1536 x 1536 x 1536, best of `repeats`.
template <class T>
[[nodiscard]] double gemm_rate(int repeats);

}  // namespace tattn::method
