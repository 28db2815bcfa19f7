#pragma once
#include <vector>

#include "plan/grid.hpp"

namespace tattn::test {

/// Every grid of so many ranks.
inline std::vector<plan::Grid> all_grids(int ranks) {
  std::vector<plan::Grid> grids;
  for (int slices = 1; slices <= ranks; ++slices)
    for (int sequence = 1; sequence * slices <= ranks; ++sequence)
      if (ranks % (slices * sequence) == 0) grids.push_back({slices, sequence, ranks / slices / sequence});
  return grids;
}

}  // namespace tattn::test
