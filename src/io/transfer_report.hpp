#pragma once
#include <cstdint>

namespace tattn::io {

/// How HDF5 moved the data, as far as it says.
struct TransferReport {
  std::int64_t calls = 0;  ///< the same on every rank
  bool collective = true;  ///< every call was; false also for a dataset stored in its own header
};

}  // namespace tattn::io
