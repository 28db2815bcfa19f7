// tattn gradient IN OUT: O, LSE and the gradients of an operand file.
#include <memory>

#include "cli/commands.hpp"
#include "cli/compute.hpp"

namespace tattn::cli {

void add_gradient(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("gradient", "compute the output of IN and the gradients with respect to every operand");
  const auto options = std::make_shared<ComputeOptions>();
  define_compute(*command, *options);
  command->callback([options, &action] {
    action = [options](const Communicator& comm) { compute(comm, *options, io::Needs::upstream); };
  });
}

}  // namespace tattn::cli
