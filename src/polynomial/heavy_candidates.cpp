#include "polynomial/heavy_candidates.hpp"

#include <algorithm>

#include "split/part.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kBehind = 4;  // so many times the heavy rows are ranked: the largest light ones count most

std::int64_t rows_of(const Shape& shape, std::size_t u) {
  return u == 0 ? shape.rows : shape.key_rows[u - 1];
}

/// How many rows of an operand are ranked.
plan::HeavyCounts ranked_counts(const Shape& shape, const FeatureRequest& request, std::int64_t least) {
  plan::HeavyCounts counts{};
  for (std::size_t u = 0; u <= static_cast<std::size_t>(shape.order); ++u) {
    const std::int64_t rows = rows_of(shape, u);
    const std::int64_t most = request.heavy ? (*request.heavy)[u] : plan::most_heavy(rows);
    counts[u] = std::min(rows, std::max(least, kBehind * most));
  }
  return counts;
}

/// The largest rows of every slice.
plan::HeavyRows largest(const std::map<std::int64_t, RankedRows>& ranked, const plan::HeavyCounts& counts) {
  plan::HeavyRows heavy;
  heavy.counts = counts;
  for (const auto& [slice, rows] : ranked)
    for (std::size_t u = 0; u < counts.size(); ++u) {
      auto& all = heavy.rows[u];
      all.insert(all.end(), rows.rows[u].begin(), rows.rows[u].begin() + counts[u]);
      std::sort(all.end() - counts[u], all.end());
    }
  return heavy;
}

/// By operand the norms in descending order, each the largest of the slices.
std::array<std::vector<double>, kMaxOrder + 1> largest_norms(const std::map<std::int64_t, RankedRows>& ranked) {
  auto norms = ranked.begin()->second.norms;
  for (const auto& [slice, rows] : ranked)
    for (std::size_t u = 0; u < norms.size(); ++u)
      for (std::size_t k = 0; k < norms[u].size(); ++k) norms[u][k] = std::max(norms[u][k], rows.norms[u][k]);
  return norms;
}

}  // namespace

template <class T>
HeavyCandidates heavy_candidates(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                 const plan::Balance& balance, const FeatureRequest& request, std::int64_t least) {
  HeavyCandidates candidates;
  if (request.heavy || request.costs) {
    const plan::HeavyCounts counts = ranked_counts(problem.shape, request, least);
    for (std::int64_t slice = 0; slice < problem.shape.slices; ++slice)
      candidates.ranked[slice] = rank_rows(comm, problem, operands, balance, slice, counts);
  }
  if (request.heavy) {
    for (auto& [slice, ranked] : candidates.ranked) ranked.heavy = *request.heavy;
    candidates.heavy.push_back(largest(candidates.ranked, *request.heavy));
    return candidates;
  }
  candidates.heavy.emplace_back();
  if (request.costs)
    for (const plan::HeavyCounts& counts : plan::heavy_ladder(problem.shape, largest_norms(candidates.ranked)))
      candidates.heavy.push_back(largest(candidates.ranked, counts));
  return candidates;
}

template <class T>
double light_score_bound(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                         const plan::HeavyRows& heavy) {
  const split::Part<T> light(problem, heavy, plan::light_part(), operands);
  return largest_score(comm, light.problem(), light.operands(),
                       balance_operands(comm, light.problem(), light.operands()));
}

#define TATTN_INSTANTIATE(T)                                                                            \
  template HeavyCandidates heavy_candidates(const Communicator&, const Problem&, const Operands<T>&,    \
                                            const plan::Balance&, const FeatureRequest&, std::int64_t); \
  template double light_score_bound(const Communicator&, const Problem&, const Operands<T>&, const plan::HeavyRows&)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn::polynomial
