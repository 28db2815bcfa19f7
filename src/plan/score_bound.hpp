#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace tattn::plan {

/// Bounds of the scores from one pass over each operand and a second one over its rows.
///
/// For any factors c_u[l] > 0 with c_0[l] c_1[l] .. c_t[l] = 1 the scores do not change when feature l
/// of operand u (0: Q, u: K_u) is multiplied by c_u[l]. By the generalised Hoelder inequality with the
/// t+1 exponents p = t+1,
///
///     |s[i, j1..jt]| <= |scale| ||c_0 * Q[i]||_p ||c_1 * K1[j1]||_p .. ||c_t * Kt[jt]||_p
///
/// The factors chosen give feature l the same largest magnitude target[l] = (prod_u peak_u[l])^(1/p) in
/// all operands, so one operand's large column cannot inflate the bound through the others' norms. A
/// feature that is zero throughout any operand adds nothing to any score and is left out.
///
/// Phases: raise_column_peaks on each operand (the caller takes the maximum over ranks), balance,
/// row_norms or largest_row_norm (maximum over ranks again), score_bound. Entries must be finite.

/// peaks[l] = max(peaks[l], max over the rows of |x[l]|) for `rows` row-major rows of `dim` columns.
template <class T>
void raise_column_peaks(const T* x, std::int64_t rows, std::int64_t dim, double* peaks);

struct Balance {
  std::vector<std::vector<double>> peaks;  ///< by operand (query first), by feature
  std::vector<double> share;               ///< target[l] / the largest target; 0: the feature is left out
  double log_target = 0;                   ///< log of the largest target; -infinity when nothing is left

  [[nodiscard]] int operands() const { return static_cast<int>(peaks.size()); }
};

/// `peaks`: by operand, query first, each with the same number of features.
[[nodiscard]] Balance balance(std::vector<std::vector<double>> peaks);

/// norms[i] = the p-norm of balanced row i of operand `operand`, in units of the largest target: every
/// entry is at most 1 in these units, so no magnitude of the data overflows.
template <class T>
void row_norms(const Balance& balance, int operand, const T* x, std::int64_t rows, double* norms);

template <class T>
[[nodiscard]] double largest_row_norm(const Balance& balance, int operand, const T* x, std::int64_t rows);

/// The bound of |s| for a query row of norm `query_norm` against key rows of at most `key_norms`, one a
/// key operand. Rounded up by more than all rounding on the way; infinite beyond the range of double.
[[nodiscard]] double score_bound(const Balance& balance, double scale, double query_norm,
                                 std::span<const double> key_norms);

}  // namespace tattn::plan
