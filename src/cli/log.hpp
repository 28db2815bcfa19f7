#pragma once
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn::cli {

struct LogOptions {
  std::string level = "info";  ///< a name that spdlog knows
  std::string file;            ///< none: only standard error
};

/// Log lines go to standard error as "tattn: <line>", from rank 0 only.
void start_log(bool speaks);

/// From now on lines of a lower level are left out; and, with a file, lines are added to it with time, rank and
/// level: those of rank 0, and from other ranks warnings, or at the levels debug and trace all. Collective; throws
/// Error(Status::usage) when the file cannot be written or is one of `others`, files of the run.
void set_log(const Communicator& comm, const LogOptions& options, const std::vector<std::string>& others);

/// From now on only warnings, on standard error.
void quiet_log();

/// The line of an error, for the log file if there is one; the caller prints it.
void log_error(const std::string& message);

}  // namespace tattn::cli
