#pragma once
#include "cli/common_options.hpp"
#include "cli/report.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "io/result_file.hpp"

namespace tattn::cli {

/// What a result's numbers depend on: the command, the options as asked for, scale and causal as used, and the
/// digest of the input's bytes, "gradient method=auto error=measured tolerance=0.001 scale=0.25 causal=0
/// source=..". Two runs for which it is the same would give the same result, up to the number of ranks and threads.
[[nodiscard]] std::string requested(const std::string& command, const CommonOptions& options,
                                    const io::FileInfo& info, const std::string& source_digest);

/// Root attributes that say how a result was made; those that do not apply are left out. Collective.
void write_provenance(const Communicator& comm, io::ResultFile& file, const CommonOptions& options,
                      const io::FileInfo& info, const Report& report);

}  // namespace tattn::cli
