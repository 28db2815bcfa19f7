#pragma once
#include <string>

#include "comm/communicator.hpp"

namespace tattn::cli {

/// Throws Error(Status::usage) when `output` is the same file as `input`, also through links. Collective.
void check_different(const Communicator& comm, const std::string& input, const std::string& output);

/// Throws Error(Status::usage) unless a file can be created beside `path`, and `path` is no folder. Collective.
void check_writable(const Communicator& comm, const std::string& path);

/// Writes `text` to `path` on rank 0: a temporary file in the same folder, then renamed. Collective.
void write_text(const Communicator& comm, const std::string& path, const std::string& text);

}  // namespace tattn::cli
