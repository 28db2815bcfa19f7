#pragma once
#include "cli/cli11_fwd.hpp"
#include "cli/command_line.hpp"

namespace tattn::cli {

// Each adds its subcommand to `app`; when the command line calls for it, `action` is set to run it.
void add_generate(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_plan(CLI::App& app, Action& action);
void add_forward(CLI::App& app, Action& action);
void add_gradient(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_batch(CLI::App& app, Action& action);
void add_study(CLI::App& app, Action& action);

}  // namespace tattn::cli
