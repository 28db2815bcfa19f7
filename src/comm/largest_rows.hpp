#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn {

struct SizedRow {
  double size;
  std::int64_t row;
};

/// The `count` rows of largest size (all, if there are no more) of those that the ranks hold, largest first, of
/// equals the one of the lower number. `sizes` are at least 0, of the rows from `first` on that this rank holds.
/// The same list on every rank. Collective.
[[nodiscard]] std::vector<SizedRow> largest_rows(const Communicator& comm, std::span<const double> sizes,
                                                 std::int64_t first, std::int64_t count);

}  // namespace tattn
