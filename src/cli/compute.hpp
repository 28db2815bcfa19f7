#pragma once
#include <functional>
#include <string>

#include "cli/cli11_fwd.hpp"
#include "cli/common_options.hpp"
#include "cli/report.hpp"
#include "comm/communicator.hpp"

namespace tattn::cli {

/// Hears of a run that is one of many, instead of log lines and a bar: called on every rank of the run from its own
/// thread, at the start of each phase and now and then in it, with the share of this rank's work in it that is
/// done. It must not throw, nor wait for other ranks of the run.
using Listener = std::function<void(const char* phase, double share)>;

struct ComputeOptions {
  std::string input, output;
  CommonOptions common;
  bool full_gradient = false;   ///< dX of a problem file too
  Listener listener = nullptr;  ///< of one run among many
};

/// IN, OUT and the common options.
void define_compute(CLI::App& command, ComputeOptions& options);

/// What `tattn forward` and `tattn gradient` do: read this rank's rows, compute, write them. `wanted` is
/// upstream for the gradients too. Collective; OUT is there whole afterwards, or as it was before. Throws Error,
/// the same on every rank.
Report compute(const Communicator& comm, const ComputeOptions& options, io::Needs wanted);

}  // namespace tattn::cli
