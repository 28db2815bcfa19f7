#pragma once
#include <CLI/CLI.hpp>

#include <string>

#include "cli/common_options.hpp"
#include "comm/communicator.hpp"

namespace tattn::cli {

struct ComputeOptions {
  std::string input, output;
  CommonOptions common;
  bool full_gradient = false;  ///< dX of a problem file too
};

/// IN, OUT and the common options.
void define_compute(CLI::App& command, ComputeOptions& options);

/// What `tattn forward` and `tattn gradient` do: read this rank's rows, compute, write them. `wanted` is
/// upstream for the gradients too. Collective; OUT is there whole afterwards, or as it was before.
void compute(const Communicator& comm, const ComputeOptions& options, io::Needs wanted);

}  // namespace tattn::cli
