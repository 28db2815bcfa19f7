// tattn gradient IN OUT: O, LSE and the gradients of an operand or problem file.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/compute.hpp"

namespace tattn::cli {

void add_gradient(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "gradient", "compute the output of IN and the gradients with respect to every operand or weight");
  const auto options = std::make_shared<ComputeOptions>();
  define_compute(*command, *options);
  command->add_flag(
      "--full-gradient", options->full_gradient,
      "of a problem file of order 2: also dX (a x a^2), with respect to the whole X = X1 (X2 (/) X3)^T");
  command->callback([options, &action] {
    action = [options](const Communicator& comm) { compute(comm, *options, io::Needs::upstream); };
  });
}

}  // namespace tattn::cli
