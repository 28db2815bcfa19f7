#pragma once
#include <cstdint>

namespace tattn::cli {

/// Memory that could still be had on this node, in bytes (MemAvailable); 0 when the system does not say.
[[nodiscard]] std::int64_t free_memory_bytes();

/// The most memory this process has held so far, in bytes.
[[nodiscard]] std::int64_t peak_memory_bytes();

/// Warns where this machine's matrix products are needlessly slow, with what to do: for commands that live by them.
void warn_of_slow_products();

}  // namespace tattn::cli
