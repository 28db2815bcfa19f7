#pragma once
#include <map>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/heavy_rows.hpp"
#include "polynomial/choose.hpp"
#include "polynomial/row_sample.hpp"

namespace tattn::polynomial {

/// The rows of largest balanced norm as far as a choice looks at them, and the heavy rows that it tries.
struct HeavyCandidates {
  std::map<std::int64_t, RankedRows> ranked;  ///< by slice; empty where no rows are to be heavy
  std::vector<plan::HeavyRows> heavy;         ///< at least one: none or those asked for first, then few to many
};

/// Collective; the same on every rank. At least `least` rows of an operand are ranked.
template <class T>
[[nodiscard]] HeavyCandidates heavy_candidates(const Communicator& comm, const Problem& problem,
                                               const Operands<T>& operands, const plan::Balance& balance,
                                               const FeatureRequest& request, std::int64_t least);

/// No score of light rows is larger in magnitude; balanced anew without the heavy ones. Collective.
template <class T>
[[nodiscard]] double light_score_bound(const Communicator& comm, const Problem& problem,
                                       const Operands<T>& operands, const plan::HeavyRows& heavy);

}  // namespace tattn::polynomial
