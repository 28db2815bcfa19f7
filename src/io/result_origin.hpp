#pragma once
#include <string>

namespace tattn::io {

/// What lies at the path of a result, and what it says of how it was made.
struct ResultOrigin {
  enum class Kind {
    none,     ///< nothing is there
    foreign,  ///< something that is no result of tattn
    damaged,  ///< an HDF5 file that cannot be read to its end
    whole     ///< a result, all of whose datasets are complete
  } kind = Kind::none;
  std::string request;  ///< the attribute of this name, of a whole result
};

/// Looks at `path` by this rank alone, without reading the entries.
[[nodiscard]] ResultOrigin read_origin(const std::string& path);

}  // namespace tattn::io
