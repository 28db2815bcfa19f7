#pragma once
#include "full_gradient_call.hpp"
#include "plan/monomial_walk.hpp"

namespace tattn::polynomial {

/// dX of order 2 with the polynomial's softmax weights P = sum_alpha w q^alpha k1^alpha k2^alpha / N for P, which
/// are low-rank factors: with dN = [dO, -delta] / N, for each feature alpha and column m <= dv, the vectors of
/// length a
///
///     U  = sum_i (scale Q)[i]^alpha dN[i,m] A1[i]     B_u = sum_j K_u[j]^alpha [V_u 1][j,m] A(u+1)[j]
///     dX = scale sum_alpha,m  w_alpha U (B_1 (x) B_2)^T
///
/// O(n r (dv + 1) a) work for the factors and O(r (dv + 1) a^3) for their sum; nothing of size n^2. Factors are
/// made and summed over the ranks for some features at a time, and each rank adds up its share of them. In double.
/// Collective; rows stay where they are; dX is the same bits on every rank.
template <class T>
[[nodiscard]] std::vector<double> full_gradient(const FullGradientCall<T>& call, const plan::Walk& walk);

}  // namespace tattn::polynomial
