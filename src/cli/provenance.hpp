#pragma once
#include "cli/common_options.hpp"
#include "cli/report.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "io/result_file.hpp"

namespace tattn::cli {

/// Root attributes that say how a result was made; those that do not apply are left out. Collective.
void write_provenance(const Communicator& comm, io::ResultFile& file, const CommonOptions& options,
                      const io::FileInfo& info, const Report& report);

}  // namespace tattn::cli
