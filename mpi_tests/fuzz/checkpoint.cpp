// libFuzzer: any bytes as a checkpoint file are refused with status 3. Only the header is open to accident: to get
// past the digest of what follows, it must be whole.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tattn/error.hpp"
#include "training/checkpoint.hpp"

namespace {

constexpr std::size_t kDigestAt = 24;  // in the header

void decode(const std::string& bytes) {
  try {
    static_cast<void>(tattn::training::decode("checkpoint", bytes));
  } catch (const tattn::Error& error) {
    if (error.status() != tattn::Status::input) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string whole = tattn::training::encode({});
  decode(std::string(reinterpret_cast<const char*>(data), size));
  // The same bytes over a whole checkpoint, so that every part of the header is reached.
  std::string changed = whole;
  std::memcpy(changed.data(), data, std::min({size, changed.size(), kDigestAt}));
  decode(changed);
  return 0;
}
