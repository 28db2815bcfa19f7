#pragma once
#include <cstddef>
#include <cstdint>

namespace tattn {

/// FNV-1a, a word instead of a byte at a time: the input need not be small. The tail counts as padded with zeros,
/// and the length goes in first, so that inputs differing only in trailing zeros differ here. Any change within one
/// word changes it; it does not guard against forgery.
[[nodiscard]] std::uint64_t digest(const void* bytes, std::size_t count);

}  // namespace tattn
