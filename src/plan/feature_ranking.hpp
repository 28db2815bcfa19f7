#pragma once
#include <cstdint>
#include <vector>

#include "plan/monomial_walk.hpp"

namespace tattn::plan {

/// The monomials that were measured, in the order of their discovery (parents before children), and
/// their ranking.
struct FeatureRanking {
  std::int64_t dim = 0;
  std::vector<std::int64_t> parent;
  std::vector<std::int32_t> variable;
  std::vector<std::int32_t> degree;
  std::vector<double> energy;           ///< see search_features; infinite for the constant
  std::vector<std::int64_t> by_energy;  ///< node indices, greatest energy first; at most `limit`

  [[nodiscard]] std::int64_t features() const { return static_cast<std::int64_t>(by_energy.size()); }
};

/// The best `count` monomials (all of them when there are fewer) as a walk with weights 1/alpha!. Nested: a
/// smaller count owns a subset. Nodes that are only the way to an owned one are pass-through.
[[nodiscard]] Walk keep(const FeatureRanking& ranking, std::int64_t count);

}  // namespace tattn::plan
