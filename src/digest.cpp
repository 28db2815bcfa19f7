#include "digest.hpp"

#include <algorithm>
#include <cstring>

namespace tattn {

std::uint64_t digest(const void* bytes, std::size_t count) {
  const auto* from = static_cast<const char*>(bytes);
  std::uint64_t hash = 0xcbf29ce484222325U ^ count;
  for (std::size_t at = 0; at < count; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, std::min<std::size_t>(8, count - at));
    hash = (hash ^ word) * 0x100000001b3U;
    hash ^= hash >> 29;  // a word-wide step alone never carries high bits down
  }
  return hash;
}

}  // namespace tattn
