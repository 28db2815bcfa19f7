#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli11_fwd.hpp"
#include "tattn/problem.hpp"

namespace tattn::cli {

/// Seeded numbers as `generate` writes and `study` makes in memory: all but the number of query rows.
struct ShapeOptions {
  std::int64_t dim = 0;  ///< 0: must be given
  std::vector<std::int64_t> key_rows{};
  std::optional<std::int64_t> value_dim{}, batch{}, heads{};
  std::optional<int> order{};
  std::uint64_t seed = 1;
  double spread = 1;
  std::string dtype = "f32";

  [[nodiscard]] bool single() const { return dtype == "f32"; }
};

/// Adds them to `command`.
void define_shape(CLI::App& command, ShapeOptions& options);

/// A number of rows or columns.
[[nodiscard]] CLI::Range count_option();

/// With so many query rows. Throws Error(Status::usage) where lengths and order do not fit together.
[[nodiscard]] Shape shape_of(const ShapeOptions& options, std::int64_t rows, bool causal);

}  // namespace tattn::cli
