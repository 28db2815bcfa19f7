#pragma once
#include <cstdint>
#include <string>

#include "comm/communicator.hpp"

namespace tattn::bench {

/// How fast is a result file written, beside a plain MPI-IO write of the same bytes? Both write `entries` floats
/// in equal shares of the ranks into `folder`, both are flushed to disk, they take turns `repeats` times, and
/// the best time of each counts. Rank 0 prints both rates and the share. Removes its files. Collective; returns
/// the exit status, 0.
int io_benchmark(const Communicator& comm, const std::string& folder, std::int64_t entries, int repeats);

}  // namespace tattn::bench
