#pragma once
#include <cstdint>

namespace tattn::kernels {

/// Query rows of a lane panel for the instruction set in use: two vectors. Call again after a change of it.
template <class T>
[[nodiscard]] std::int64_t panel_width();

/// One block of query rows against rows of the last key (the inner rows), for many outer tuples
/// j = (j1..j(t-1)) given as products over the outer keys and values (all ones for order 1). Sizes in
/// elements; W = panel_width. The layouts:
///
///     query         lane panels       [panels][dim][W], times scale * log2(e); missing rows are zero
///     inner_key     broadcast panels  [ceil(inner / 6)][dim][6], missing rows zero
///     inner_value   broadcast panels  [ceil(inner / 6)][value_dim + 1][6], the last column is 1, or 0 in missing
///     rows outer_key     [outer][dim]      outer_value  [outer][value_dim + 1], the last column 1
struct BlockSizes {
  std::int64_t panels = 0;
  std::int64_t dim = 0;
  std::int64_t value_dim = 0;
  std::int64_t inner = 0;
  std::int64_t outer = 0;
};

/// Which tuples take part: those with inner row first_inner + k and every outer row at most the query row
/// first_query + i. outer_row is the largest of j1..j(t-1), or null when not causal.
struct Causality {
  const std::int64_t* outer_row = nullptr;
  std::int64_t first_query = 0;
  std::int64_t first_inner = 0;
};

template <class T>
struct KeyTile {
  const T* outer_key = nullptr;
  const T* outer_value = nullptr;
  const T* inner_key = nullptr;
  const T* inner_value = nullptr;
  T inner_norm = 0;  ///< largest Euclidean norm of the inner key rows
};

/// The softmax sums of a block so far, in units of 2^top:
///     sum[panel][m][lane] = sum over tuples of 2^(s - top) * (V1 * .. * Vt)[m];  m = value_dim is the normaliser
/// Starts as all zero. seen is 1 in the lanes that met a tuple.
template <class T>
struct SoftmaxState {
  T* top = nullptr;       ///< [panels][W]
  T* seen = nullptr;      ///< [panels][W]
  double* sum = nullptr;  ///< [panels][value_dim + 1][W]
};

/// Adds the tuples of outer x inner to `state`. Never over- or underflows: top follows the largest score
/// where a bound from the norms does not show that it need not (online softmax with a lazily raised maximum).
template <class T>
void exact_forward(const BlockSizes& sizes, const Causality& causality, const T* query, const KeyTile<T>& keys,
                   const SoftmaxState<T>& state, T* scratch);

/// Entries of `scratch` that exact_forward needs.
template <class T>
[[nodiscard]] std::int64_t exact_forward_scratch(const BlockSizes& sizes);

/// A block of query rows as the gradient needs it, in lane panels and again in rows; missing rows are zero.
/// Rows have row_stride(columns) entries each, zero beyond the columns.
template <class T>
struct QueryBlock {
  const T* query = nullptr;          ///< [panels][dim][W], times scale * log2(e)
  const T* query_rows = nullptr;     ///< [panels * W][row_stride(dim)], the same values
  const T* upstream = nullptr;       ///< dO: [panels][value_dim][W]
  const T* upstream_rows = nullptr;  ///< [panels * W][row_stride(value_dim)]
  const T* lse = nullptr;            ///< log2(e) * LSE: [panels][W]
  const T* delta = nullptr;          ///< dO.O of each row: [panels][W]
};

/// What exact_gradient adds to. Keys' sums are in units of log2(e): multiply by ln 2 at the end.
template <class T>
struct GradientSums {
  double* query = nullptr;        ///< [panels][dim][W]: sum ds K1 * .. * Kt; times scale it is dQ
  double* inner_key = nullptr;    ///< [inner][row_stride(dim)]: sum ds Q * K1 * .., times scale * log2(e)
  double* inner_value = nullptr;  ///< [inner][row_stride(value_dim)]: sum p dO * V1 * ..
  double* outer_key = nullptr;    ///< [outer][dim]: sum ds Q * Kt, times scale * log2(e)
  double* outer_value = nullptr;  ///< [outer][value_dim]: sum p dO * Vt
};

/// Columns rounded up to whole vectors of the instruction set in use.
template <class T>
[[nodiscard]] std::int64_t row_stride(std::int64_t columns);

/// Adds the contributions of the block's tuples outer x inner (formulas: tattn::gradient).
template <class T>
void exact_gradient(const BlockSizes& sizes, const Causality& causality, const QueryBlock<T>& block,
                    const KeyTile<T>& keys, const GradientSums<T>& sums, T* scratch);

/// Entries of `scratch` that exact_gradient needs.
template <class T>
[[nodiscard]] std::int64_t exact_gradient_scratch(const BlockSizes& sizes);

}  // namespace tattn::kernels
