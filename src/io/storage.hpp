#pragma once
#include "io/dataset.hpp"

namespace tattn::io {

/// Throws Error(Status::input) unless the file really keeps every entry that `dataset` claims, in a way this
/// program reads: inside the file (not external, not virtual), contiguous, compact or in chunks that are all
/// there, compressed only by filters this HDF5 has. Reads no entry. Not collective.
void check_storage(const std::string& path, std::int64_t file_bytes, const Dataset& dataset, hid_t opened);

}  // namespace tattn::io
