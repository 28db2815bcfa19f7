#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/aligned.hpp"
#include "polynomial/walk_tiles.hpp"
#include "progress.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// Row-major rows of one operand of one slice and the columns that multiply its features: V with a further
/// column of ones for a key, dN (all columns given) for the queries.
template <class T>
struct OperandPass {
  const T* x = nullptr;
  double factor = 1;  ///< multiplies x: scale for the queries
  const T* value = nullptr;
  std::int64_t rows = 0, dim = 0, columns = 0;
  std::int64_t value_columns = 0;  ///< columns, or columns - 1: then the last column is 1
};

/// A matrix of one row a feature and `columns` columns in the kernels' broadcast panels, tile by tile.
template <class T>
class FactorPanels {
 public:
  FactorPanels(const WalkTiles& tiles, std::int64_t columns, const double* matrix);
  [[nodiscard]] const T* tile(std::int64_t t) const { return data_.get() + t * stride_; }

 private:
  std::int64_t stride_;
  kernels::AlignedArray<T> data_;
};

/// Told that the moments of the first `tiles` tiles are whole, from the thread that called.
using TilesComplete = std::function<void(std::int64_t tiles)>;

/// moments[feature][column] += sum over the rows of Phi * value. Threads share the features. `complete`, which may
/// be null, is told often while the last rows are added, and not at all if there are no rows.
template <class T>
void moments_pass(const WalkTiles& tiles, const OperandPass<T>& operand, int threads, Progress& progress,
                  double* moments, const TilesComplete& complete);

/// Takes `rows` rows from the first-th on, which it may overwrite. Called by many threads, each for its rows.
using TakeRows = std::function<void(std::int64_t first, std::int64_t rows, double* values)>;

/// For each row, told block by block: sums[row][column] = sum over features of Phi * factor, and
/// gradient[row][l] = the adjoint of Phi applied to value * factor^T, times operand.factor. Threads share the
/// rows. Either taker may be null. Sums have operand.columns columns, but not the last one beside a gradient:
/// nothing depends on the column of ones.
template <class T>
void rows_pass(const WalkTiles& tiles, const OperandPass<T>& operand, const FactorPanels<T>& factor, int threads,
               Progress& progress, const TakeRows& take_sums, const TakeRows& take_gradient);

}  // namespace tattn::polynomial
