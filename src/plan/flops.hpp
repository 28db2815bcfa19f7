#pragma once
#include <cstdint>

#include "tattn/problem.hpp"

namespace tattn::plan {

/// Floating-point operations of the exact method, by formula, over all slices. With N the number of
/// (i, j1..jt) that take part, n n_1..n_t, or sum over i of (i+1)^t when causal:
///
///     forward   2 (d + dv + 1) N
///     gradient  2 (3d + 3dv) N     two recomputed products and four new ones; any order
[[nodiscard]] double exact_forward_flops(const Problem& problem);
[[nodiscard]] double exact_gradient_flops(const Problem& problem);

/// The same of the dense method, which computes hidden tuples too, with N = n n_1..n_t also when causal:
///
///     forward   2 (d + dv) N
///     gradient  2 (3d + 2dv) N     scores again, dP, dQ and the gradients of both products
[[nodiscard]] double dense_forward_flops(const Problem& problem);
[[nodiscard]] double dense_gradient_flops(const Problem& problem);

/// The same of the polynomial method with `features` monomials: 2 r (dv+1) (n + n_1 + .. + n_t). Its gradient,
/// given the moments, has two such products for every operand: twice this.
[[nodiscard]] double polynomial_forward_flops(const Problem& problem, std::int64_t features);

}  // namespace tattn::plan
