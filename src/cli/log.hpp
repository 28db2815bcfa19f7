#pragma once

namespace tattn::cli {

/// Log lines go to standard error as "tattn: <line>", from rank 0 only.
void start_log(bool speaks);

/// From now on only warnings.
void quiet_log();

}  // namespace tattn::cli
