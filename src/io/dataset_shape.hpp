#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace tattn::io {

/// The shape (leading..., rows, columns) of a dataset, or (leading..., rows) where `columns` is 0.
struct DatasetShape {
  std::vector<std::int64_t> leading;
  std::int64_t rows = 0;
  std::int64_t columns = 0;

  [[nodiscard]] std::vector<std::int64_t> row_dims() const;  ///< (leading..., rows)
  [[nodiscard]] std::vector<std::int64_t> dims() const;      ///< all of them
  [[nodiscard]] std::int64_t total_rows() const;             ///< flattened: product of row_dims()
  [[nodiscard]] std::int64_t row_entries() const { return columns == 0 ? 1 : columns; }
  bool operator==(const DatasetShape&) const = default;
};

/// "(2, 3, 64)" for messages.
[[nodiscard]] std::string format_dims(const std::vector<std::int64_t>& dims);

/// Where a flattened row is, for messages: "17" without leading dimensions, else "[1,0,17]".
[[nodiscard]] std::string format_row(const DatasetShape& shape, std::int64_t flattened);

}  // namespace tattn::io
