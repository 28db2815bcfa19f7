#pragma once
#include <cstdint>

namespace tattn::kernels {

inline constexpr std::int64_t kErrorsPadding = 8;  ///< entries that may be read and written beyond the last one

/// errors[c] = 2^(scores[c] - lse) (errors[c] - delta) for c < count: ds from dp of one query row, scores and lse
/// in units of log 2. Up to a multiple of kErrorsPadding entries are touched.
void softmax_errors(std::int64_t count, const double* scores, double lse, double delta, double* errors);

}  // namespace tattn::kernels
