#pragma once
#include <cstdint>
#include <vector>

#include "dense/matrix.hpp"

namespace tattn::dense {

/// S[i, j1 n_2 + j2] = -inf where j1 > i or j2 > i. Local.
void mask_later_keys(Matrix& scores, std::int64_t second_rows);

/// P = softmax of the rows of S, in place; returns the LSE of the local rows. Maxima and sums of a row go over the
/// process columns, always added in their order. Collective.
[[nodiscard]] std::vector<double> softmax_rows(const Grid& grid, Matrix& scores);

/// P = exp(S - LSE), in place; `lse` of all rows. Local.
void weights_of_scores(const std::vector<double>& lse, Matrix& scores);

/// dS = P * (dP - delta), in the place of dP; `delta` of all rows. Local.
void softmax_derivative(const Matrix& weights, const std::vector<double>& delta, Matrix& d_weights);

}  // namespace tattn::dense
