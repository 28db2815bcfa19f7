#pragma once
#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// What is known of the scores of a problem without computing them all.
struct ScoreRange {
  double bound = 0;                  ///< no score is larger in magnitude
  double smallest = 0, largest = 0;  ///< of the sampled scores; rank 0 only
  std::int64_t samples = 0;          ///< how many scores were sampled; rank 0 only
};

/// Bound by the generalised Hoelder inequality (plan/score_bound.hpp), and the scores of a few sampled
/// query and key rows in a few slices. Collective.
template <class T>
[[nodiscard]] ScoreRange score_range(const Communicator& comm, const Problem& problem, const Operands<T>& operands);

}  // namespace tattn::polynomial
