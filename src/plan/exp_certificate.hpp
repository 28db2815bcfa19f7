#pragma once
#include <vector>

namespace tattn::plan {

/// A proven upper bound of |p(x) exp(-x) - 1| over |x| <= range for the polynomial with these
/// coefficients (constant first), at most about 0.2 % above the true maximum unless that is lost in the
/// rounding of long double. The proof stands at relative_minimax_exp.
[[nodiscard]] double certified_relative_error(const std::vector<long double>& coefficients, double range);

/// max over |x| <= range of sum_k |a_k x^k| exp(-x), rounded up: it is taken at x = -range.
[[nodiscard]] double evaluation_condition(const std::vector<double>& coefficients, double range);

}  // namespace tattn::plan
