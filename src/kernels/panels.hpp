#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tattn::kernels {

/// Sequence rows of a broadcast panel: [column][kHeight].
inline constexpr int kHeight = 6;

[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
[[nodiscard]] constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return ceil_div(a, b) * b;
}

/// Copies `rows` x `columns` of a row-major matrix into panels of `height` rows, [panel][stride][height],
/// each entry times `factor`; missing rows of the last panel are zero. `stride` >= `columns` leaves room
/// for further columns of a panel, which are not touched. `to` has ceil(rows / height) * stride * height
/// entries.
template <class T>
void pack_panels(const T* from, std::int64_t rows, std::int64_t columns, double factor, std::int64_t height,
                 std::int64_t stride, T* to) {
  for (std::int64_t first = 0; first < rows; first += height) {
    const std::int64_t here = rows - first < height ? rows - first : height;
    const T* at = from + first * columns;
    std::int64_t h = 0;
    for (; h + 4 <= here; h += 4, at += 4 * columns)
      for (std::int64_t c = 0; c < columns; ++c) {
        T* four = to + c * height + h;
        for (int k = 0; k < 4; ++k) four[k] = static_cast<T>(factor) * at[k * columns + c];
      }
    for (; h < here; ++h, at += columns)
      for (std::int64_t c = 0; c < columns; ++c) to[c * height + h] = static_cast<T>(factor) * at[c];
    for (std::int64_t c = 0; c < columns; ++c) std::fill_n(to + c * height + here, height - here, T{0});
    to += stride * height;
  }
}

}  // namespace tattn::kernels
