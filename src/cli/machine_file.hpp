#pragma once
#include <string>

#include "comm/communicator.hpp"
#include "plan/machine.hpp"

namespace tattn::cli {

/// A machine description (JSON: docs/file_format.md). Collective; throws Error(Status::input) that names the file
/// and the field.
[[nodiscard]] plan::Machine read_machine(const Communicator& comm, const std::string& path);

/// Writes it, whole or not at all. Collective; throws Error(Status::failed).
void write_machine(const Communicator& comm, const std::string& path, const plan::Machine& machine);

}  // namespace tattn::cli
