#pragma once
#include <cstdint>
#include <string>

#include "io/dataset.hpp"

namespace tattn::io {

/// Numbers of datasets that are looked for, beyond what is computed: a K5 is to be refused, not overlooked.
inline constexpr int kNumbersLookedFor = 16;

/// An open input file, on one rank.
struct SourceFile {
  std::string path;
  std::int64_t bytes = 0;
  Handle file;

  [[nodiscard]] bool has(const std::string& name) const { return has_link(file.get(), name); }
  [[nodiscard]] Dataset describe(const std::string& name) const {
    return describe_dataset(path, bytes, file.get(), name, 2);
  }
  /// For a dataset that may be missing: `why` is what follows from that.
  [[nodiscard]] Dataset require(const std::string& name, const std::string& why) const;
};

/// 'K', 2 -> "K2".
[[nodiscard]] std::string numbered(char letter, int number);

// Each throws Error(Status::input) unless `dataset` is like `reference` in what the name says; `why` it must be.
void same_type(const std::string& path, const Dataset& dataset, const Dataset& reference);
void same_columns(const std::string& path, const Dataset& dataset, const Dataset& reference, const char* why);
void same_rows(const std::string& path, const Dataset& dataset, const Dataset& reference, const char* why);

/// The command line's scale, or else the file's, or else 1 / dim.
[[nodiscard]] double choose_scale(const SourceFile& source, const Overrides& overrides, std::int64_t dim);

/// Whether the command line or the file says causal.
[[nodiscard]] bool choose_causal(const SourceFile& source, const Overrides& overrides);

/// Checks a file with A1: what it claims as a problem file. Not collective.
[[nodiscard]] FileInfo inspect_problem(const SourceFile& source, const Overrides& overrides);

}  // namespace tattn::io
