#pragma once
#include <vector>

#include "training/loss.hpp"

namespace tattn::training {

/// The gradient of the loss with respect to the whole X = X1 (X2 (/) X3)^T of a problem of order 2, a x a^2,
/// row-major; column b a + c belongs to column b of A2 and column c of A3:
///
///     dX = A1^T p (A2 (x) A3)     p[i, jk] = scale P[i, jk] (sum_m dO[i,m] V1[j,m] V2[k,m] - delta[i])
///
/// The scale, 1/d, belongs to p: S = scale A1 X (A2 (x) A3)^T. By the method of `plan`, after loss.forward with it,
/// in double; the polynomial's has its approximate softmax weights for P. The same bits on every rank. Collective.
/// Throws Error(Status::usage) for other orders, Error(Status::failed) where memory runs out.
template <class T>
[[nodiscard]] std::vector<double> full_gradient(const Communicator& comm, const Loss<T>& loss, const Plan& plan,
                                                const Options& options);

}  // namespace tattn::training
