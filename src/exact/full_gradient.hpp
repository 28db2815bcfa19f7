#pragma once
#include "full_gradient_call.hpp"

namespace tattn::exact {

/// dX of order 2 with P = exp(s - LSE) computed again block by block, so memory is that of the keys and a few
/// blocks. In double. Collective; who holds what, for ranks r:
///
///     before  r: rows of Q, K_u, V_u, A1, A2, A3      work  r: its rows of Q and A1, all keys
///     after   dX on every rank, the same bits
///
/// For a block of query rows i and each row j of the first key, with t[i] = sum_k ds[i, jk] A3[k],
///
///     H[i, b] += A2[j,b] t[i]     dX += scale A1^T H     2 (d + dv + a) n n_1 n_2 flops and 2 a^2 n (n_1 + a) more
template <class T>
[[nodiscard]] std::vector<double> full_gradient(const FullGradientCall<T>& call);

}  // namespace tattn::exact
