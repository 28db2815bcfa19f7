#pragma once
#include <cstdint>

#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

/// Most bytes that a rank takes for dX, the gradient with respect to the whole X (order 2), beside those of the
/// gradient: copies in double of the rows of Q, K_u, V_u and of A1 .. A3 (model_dim columns) that it works on, the
/// a^3 entries of dX, once more for each thread of the exact method, factors of the polynomial's, and the dense
/// method's products with A2 (x) A3. For Method::automatic what exact or polynomial take at most.
[[nodiscard]] std::int64_t full_gradient_memory_bytes(const Problem& problem, Method method, std::int64_t model_dim,
                                                      int ranks, int threads);

}  // namespace tattn::plan
