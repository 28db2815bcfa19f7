#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "io/hdf5.hpp"

namespace tattn::io {

/// Size of a file that is to be read. Throws Error(Status::input) when it is missing, a folder, not a plain
/// file, not readable, or empty; `expected` is what it should have been. Not collective.
std::int64_t check_input_file(const std::string& path, const std::string& expected = "an HDF5 file");

/// Opens for reading by this rank alone. Throws Error(Status::input) when it is no HDF5 file, is cut short, or
/// HDF5 cannot open it.
[[nodiscard]] Handle open_input_file(const std::string& path);

/// Runs `step`; what HDF5 fails at in it is the input file's fault, so it is thrown on as Error(Status::input)
/// with the file's name in front. Errors that are of that kind already pass.
void blame_input(const std::string& path, const std::function<void()>& step);

}  // namespace tattn::io
