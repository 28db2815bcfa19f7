#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tattn/problem.hpp"

namespace tattn::plan {

/// By operand, Q first, then K_1, ..: how many rows of each slice are heavy.
using HeavyCounts = std::array<std::int64_t, kMaxOrder + 1>;

/// The rows that are computed exactly beside the polynomial of all others, the light ones: by operand, flattened
/// and ascending, as many in every slice.
struct HeavyRows {
  HeavyCounts counts{};
  std::array<std::vector<std::int64_t>, kMaxOrder + 1> rows;

  [[nodiscard]] bool any() const;
};

enum class RowSet { all, light, heavy };

/// A set of tuples (i, j1, .., jt): some rows of every operand.
struct TuplePart {
  std::array<RowSet, kMaxOrder + 1> rows{};
};

/// Light rows of every operand: the polynomial's part.
[[nodiscard]] TuplePart light_part();

/// All other tuples, each once, without the parts that are empty:
///
///     heavy Q, all keys        for u = 1..t: light Q, light K_1 .. K_(u-1), heavy K_u, all K_(u+1) .. K_t
[[nodiscard]] std::vector<TuplePart> exact_parts(const Shape& shape, const HeavyCounts& counts);

/// The part as a problem of its own; a number of rows may be 0.
[[nodiscard]] Shape part_shape(const Shape& shape, const HeavyCounts& counts, const TuplePart& part);

/// Does it have any tuple?
[[nodiscard]] bool has_tuples(const Shape& shape);

/// At most so many rows of an operand are worth trying as heavy ones.
[[nodiscard]] std::int64_t most_heavy(std::int64_t rows);

/// Counts worth trying, from few heavy rows to many: with sum over u of counts[u] / n_u, which is about the share
/// of the exact method's work, at most 1/4, 1/8, .., those that make the product of the largest norms left
/// smallest. `norms`: by operand, the largest first, one more than most_heavy where there are as many.
[[nodiscard]] std::vector<HeavyCounts> heavy_ladder(const Shape& shape,
                                                    const std::array<std::vector<double>, kMaxOrder + 1>& norms);

}  // namespace tattn::plan
