#pragma once
#include <array>
#include <cstdint>

namespace tattn {

inline constexpr int kMaxOrder = 4;

/// A contiguous range of flattened rows. Row `i` of slice `b` of an operand with `n` rows a slice
/// has the flattened index b * n + i. An empty range is legal everywhere.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;

  [[nodiscard]] std::int64_t size() const { return end - begin; }
  [[nodiscard]] bool empty() const { return end <= begin; }
  bool operator==(const RowRange&) const = default;
};

/// Part `part` of `rows` rows cut into `parts` ranges whose sizes differ by at most one.
[[nodiscard]] constexpr RowRange even_range(std::int64_t rows, std::int64_t parts, std::int64_t part) {
  const std::int64_t base = rows / parts, longer = rows % parts;
  const auto start = [&](std::int64_t p) { return p * base + (p < longer ? p : longer); };
  return {start(part), start(part + 1)};
}

[[nodiscard]] constexpr RowRange intersect(RowRange a, RowRange b) {
  const std::int64_t begin = a.begin > b.begin ? a.begin : b.begin;
  const std::int64_t end = a.end < b.end ? a.end : b.end;
  return {begin, end > begin ? end : begin};
}

/// The global sizes of an attention problem; each of `slices` slices is independent.
struct Shape {
  int order = 0;                                   ///< t, the number of key matrices, 1..kMaxOrder
  std::int64_t slices = 1;                         ///< product of the leading dimensions (batch, heads)
  std::int64_t rows = 0;                           ///< n, query rows a slice
  std::array<std::int64_t, kMaxOrder> key_rows{};  ///< n_u, rows of K_u and V_u a slice
  std::int64_t dim = 0;                            ///< d, columns of Q and K_u
  std::int64_t value_dim = 0;                      ///< dv, columns of V_u, O and dO

  [[nodiscard]] std::int64_t total_rows() const { return slices * rows; }
  [[nodiscard]] std::int64_t total_key_rows(int u) const { return slices * key_rows[static_cast<std::size_t>(u)]; }
  bool operator==(const Shape&) const = default;
};

/// What is to be computed, per slice:
///
///     s[i, j1..jt] = scale * sum_l Q[i,l] K1[j1,l] ... Kt[jt,l]
///     P[i, :]      = softmax of s[i, :] over all (j1..jt) together
///     O[i, m]      = sum P[i, j1..jt] V1[j1,m] ... Vt[jt,m]
///     LSE[i]       = log sum exp s[i, :]
///
/// causal: only j_u <= i takes part, for every u; needs rows = key_rows[u] for every u.
struct Problem {
  Shape shape;
  double scale = 0;  ///< any finite number; the usual choice is 1 / dim
  bool causal = false;
};

}  // namespace tattn
