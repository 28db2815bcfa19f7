#pragma once
#include <cstdint>

#include "tattn/problem.hpp"

namespace tattn::plan {

/// How `count` rows or columns are dealt to `parts` processes: in blocks, round and round.
///
///     7 in blocks of 2 to 2 processes     part 0 [0 1 4 5]   part 1 [2 3 6]
struct Deal {
  std::int64_t count = 0;
  std::int64_t block = 1;
  int parts = 1;

  [[nodiscard]] std::int64_t size(int part) const;                        ///< of a part; no part has more than 0
  [[nodiscard]] std::int64_t global(int part, std::int64_t local) const;  ///< index of a part's `local`-th
};

/// How the dense method spreads a slice over a grid of processes. Rank r stands in process row r / grid_columns and
/// process column r % grid_columns. With N = n_1 .. n_t the tuples of a slice:
///
///     P, dP                          n x N   rows dealt over process rows, tuples over process columns
///     K1 (/) K2, V1 (/) V2, grads    N x d   tuples dealt over process rows, columns over process columns
///     Q, O, dO, dQ                   n x d   one panel of consecutive rows for each process of column 0
struct DenseLayout {
  int grid_rows = 1;
  int grid_columns = 1;
  std::int64_t rows = 0;
  std::int64_t tuples = 0;

  [[nodiscard]] Deal weight_rows() const;
  [[nodiscard]] Deal weight_columns() const;
  [[nodiscard]] Deal product_rows() const;
  [[nodiscard]] Deal product_columns(std::int64_t columns) const;
  [[nodiscard]] Deal panel_rows() const;
  [[nodiscard]] Deal panel_columns(std::int64_t columns) const;
};

/// The squarest grid of all ranks whose shorter side finds a row (or tuple) for each process.
[[nodiscard]] DenseLayout dense_layout(const Shape& shape, int ranks);

}  // namespace tattn::plan
