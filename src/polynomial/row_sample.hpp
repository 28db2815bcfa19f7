#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/feature_search.hpp"
#include "plan/score_bound.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// How many rows a sample takes of each operand: those of largest balanced norm and random others.
struct SampleSizes {
  std::int64_t largest_queries, random_queries, largest_keys, random_keys;
};

/// Peaks, balance and largest norms of all operands, over all rows and slices. Collective.
template <class T>
[[nodiscard]] plan::Balance balance_operands(const Communicator& comm, const Problem& problem,
                                             const Operands<T>& operands);

/// |s| is at most this for every score of the problem. Collective.
template <class T>
[[nodiscard]] double largest_score(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                   const plan::Balance& balance);

/// Rows of one slice with the weights that plan::SampledRows asks for; queries times the scale. Filled on rank 0,
/// empty on the others. The same for the same seed whatever the number of ranks. Collective.
template <class T>
[[nodiscard]] plan::Sample sample_rows(const Communicator& comm, const Problem& problem,
                                       const Operands<T>& operands, const plan::Balance& balance,
                                       std::int64_t slice, const SampleSizes& sizes, std::uint64_t seed);

}  // namespace tattn::polynomial
