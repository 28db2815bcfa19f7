#pragma once
#include <cstdint>

namespace tattn::training {

/// Flop/s of a core at Q = A X and dX = A^T dQ with so many columns of A and of X, measured in some milliseconds.
/// Not collective.
template <class T>
[[nodiscard]] double projection_rate(std::int64_t model_dim, std::int64_t columns);

}  // namespace tattn::training
