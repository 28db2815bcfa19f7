#pragma once
#include <optional>
#include <string>

#include "io/hdf5.hpp"

namespace tattn::io {

/// Root attribute `scale`, a float of 32 or 64 bits; nothing where there is none. Not collective. Throws
/// Error(Status::input) when it has another type, more than one value, or is not finite.
[[nodiscard]] std::optional<double> read_scale(const std::string& path, hid_t file);

/// Root attribute `causal`, an integer or truth value 0 or 1; nothing where there is none. Errors likewise.
[[nodiscard]] std::optional<bool> read_causal(const std::string& path, hid_t file);

}  // namespace tattn::io
