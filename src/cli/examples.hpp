#pragma once
#include "cli/cli11_fwd.hpp"

namespace tattn::cli {

/// Examples below the help of every command that `app` has.
void add_examples(CLI::App& app);

}  // namespace tattn::cli
