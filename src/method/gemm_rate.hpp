#pragma once
#include <string>
#include <vector>

namespace tattn::method {

/// Flops per second of OpenBLAS sgemm or dgemm on one thread, 1536 x 1536 x 1536, best of `repeats`.
template <class T>
[[nodiscard]] double gemm_rate(int repeats);

/// What to do where OpenBLAS multiplies several times slower than it could, as it does on processors that it does
/// not know: `core` is what it took them for, `instruction_sets` what they have. Empty where all is well.
[[nodiscard]] std::string gemm_advice(const std::string& core, const std::vector<std::string>& instruction_sets);

/// The same of this process.
[[nodiscard]] std::string gemm_advice();

}  // namespace tattn::method
