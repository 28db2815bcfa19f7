#pragma once
#include <functional>

#include "comm/communicator.hpp"

namespace tattn::cli {

/// What a command does once its command line is understood. Collective.
using Action = std::function<void(const Communicator&)>;

/// Understands the command line without any communication, so every rank comes to the same result.
/// Throws Error(Status::usage). --help and --version give an action that prints on rank 0.
[[nodiscard]] Action parse_command_line(int argc, char** argv);

}  // namespace tattn::cli
