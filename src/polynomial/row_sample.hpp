#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/feature_search.hpp"
#include "plan/sample_sizes.hpp"
#include "plan/score_bound.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

/// The rows of one slice with the largest balanced norms, largest first: by operand, flattened indices and norms.
struct RankedRows {
  std::array<std::vector<std::int64_t>, kMaxOrder + 1> rows;
  std::array<std::vector<double>, kMaxOrder + 1> norms;
  plan::HeavyCounts heavy{};  ///< where they are fixed: the rows behind are sampled too, however few
};

/// Peaks and balance of all operands, over all rows and slices. Collective.
template <class T>
[[nodiscard]] plan::Balance balance_operands(const Communicator& comm, const Problem& problem,
                                             const Operands<T>& operands);

/// |s| is at most this for every score of the problem. Collective.
template <class T>
[[nodiscard]] double largest_score(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                   const plan::Balance& balance);

/// The `counts[u]` largest rows of operand u (Q first), or all where there are fewer; the same on every rank.
/// Collective.
template <class T>
[[nodiscard]] RankedRows rank_rows(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                   const plan::Balance& balance, std::int64_t slice,
                                   const plan::HeavyCounts& counts);

/// Rows of one slice with the weights that plan::SampledRows asks for; queries times the scale, with their dO where
/// every rank knows it. All where they are no more than the sample. Else of the ranked rows the largest all, of
/// ranges of them behind, each four times as long, some that stand for the range, together about half of the
/// sample; of the others random ones, for the rest of it. Filled on rank 0, empty on the others. The same for the
/// same seed whatever the number of ranks. Collective.
template <class T>
[[nodiscard]] plan::Sample sample_rows(const Communicator& comm, const Problem& problem,
                                       const Operands<T>& operands, const RankedRows& ranked, std::int64_t slice,
                                       const plan::SampleSizes& sizes, std::uint64_t seed);

}  // namespace tattn::polynomial
