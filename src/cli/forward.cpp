// tattn forward IN OUT: O and LSE of an operand or problem file.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/compute.hpp"

namespace tattn::cli {

void add_forward(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("forward", "compute the output and log-sum-exp of IN");
  const auto options = std::make_shared<ComputeOptions>();
  define_compute(*command, *options);
  command->callback([options, &action] {
    action = [options](const Communicator& comm) { compute(comm, *options, io::Needs::operands); };
  });
}

}  // namespace tattn::cli
