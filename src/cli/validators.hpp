#pragma once
#include "cli/cli11_fwd.hpp"

namespace tattn::cli {

/// What the help calls the path of a file.
inline constexpr char kFileType[] = "FILE";

/// Makes `option` the path of a file: it may not be empty, and --log-file may not be the same file.
CLI::Option* file_option(CLI::Option* option);

/// CLI11 validators that, unlike its own, refuse NaN and Inf.
[[nodiscard]] CLI::Validator finite();
[[nodiscard]] CLI::Validator positive();

/// Whole numbers of 64 bits, where CLI11 wraps negative and larger ones silently.
[[nodiscard]] CLI::Validator unsigned_number();

/// Makes bytes of a size like 1.5G, and refuses what 64 bits do not hold.
[[nodiscard]] CLI::Validator memory_size();

}  // namespace tattn::cli
