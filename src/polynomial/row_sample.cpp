#include "polynomial/row_sample.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "comm/largest_rows.hpp"
#include "comm/sampled_rows.hpp"

namespace tattn::polynomial {
namespace {

template <class T>
const Block<const T>& operand(const Operands<T>& operands, int number) {
  return number == 0 ? operands.query : operands.key[static_cast<std::size_t>(number - 1)];
}

std::int64_t rows_of(const Shape& shape, int number) {
  return number == 0 ? shape.rows : shape.key_rows[static_cast<std::size_t>(number - 1)];
}

/// The `count` rows of one operand and slice with the largest norms, over all ranks.
template <class T>
void rank_operand(const Communicator& comm, const plan::Balance& balance, int number, const Block<const T>& block,
                  RowRange slice, std::int64_t count, RankedRows& ranked) {
  const std::int64_t columns = std::ssize(balance.share);
  const RowRange mine = intersect(block.rows, slice);
  std::vector<double> norms(static_cast<std::size_t>(mine.size()));
  if (!mine.empty())
    plan::row_norms(balance, number, block.data + (mine.begin - block.rows.begin) * columns, mine.size(),
                    norms.data());
  for (const SizedRow& found : largest_rows(comm, norms, mine.begin, count)) {
    ranked.rows[static_cast<std::size_t>(number)].push_back(found.row);
    ranked.norms[static_cast<std::size_t>(number)].push_back(found.size);
  }
}

struct Chosen {
  std::int64_t row;
  double weight;
  std::int64_t rank;
};

/// Ranges of the ranks [0, count): the largest, then each four times as long as all before it; one begins at
/// `heavy`.
std::vector<RowRange> rank_ranges(std::int64_t count, std::int64_t largest, std::int64_t heavy) {
  std::vector<RowRange> ranges;
  for (std::int64_t begin = 0, end = std::min(largest, count); begin < count;
       begin = end, end = std::min(4 * end, count)) {
    const std::int64_t middle = std::clamp(heavy, begin, end);
    for (const RowRange part : {RowRange{begin, middle}, RowRange{middle, end}})
      if (!part.empty()) ranges.push_back(part);
  }
  return ranges;
}

/// Of one operand and slice, in ascending order of the rows; all of them where they are few.
std::vector<Chosen> choose(const std::vector<std::int64_t>& ranked, std::int64_t heavy, RowRange slice,
                           std::int64_t largest, std::int64_t random, std::uint64_t seed, int number) {
  const std::int64_t total = largest + random, count = std::ssize(ranked);
  const std::string name = "rows of operand " + std::to_string(number);
  const std::vector<RowRange> ranges = rank_ranges(count, largest, heavy);
  const bool few = slice.size() <= total;
  const std::int64_t a_range = std::max(largest, total / 2 / std::max<std::int64_t>(1, std::ssize(ranges)));
  std::vector<Chosen> all;
  for (const RowRange range : ranges) {
    const std::int64_t taken = few || range.end <= largest ? range.size() : std::min(a_range, range.size());
    for (const std::int64_t k : pick(range.size(), taken, seed, name + " from " + std::to_string(range.begin)))
      all.push_back({ranked[static_cast<std::size_t>(range.begin + k)],
                     static_cast<double>(range.size()) / static_cast<double>(taken), range.begin + k});
  }
  const std::set<std::int64_t> top(ranked.begin(), ranked.end());
  const std::int64_t rest = few ? slice.size() : std::max(total / 4, total - std::ssize(all));
  std::vector<std::int64_t> others;
  for (const std::int64_t row : pick(slice.size(), rest, seed, name))
    if (!top.contains(slice.begin + row)) others.push_back(slice.begin + row);
  for (std::int64_t row = slice.begin; others.empty() && row < slice.end; ++row)
    if (!top.contains(row)) others.push_back(row);  // nearly all are ranked
  for (const std::int64_t row : others)
    all.push_back(
        {row, static_cast<double>(slice.size() - count) / static_cast<double>(others.size()), plan::kUnranked});
  std::sort(all.begin(), all.end(), [](const Chosen& a, const Chosen& b) { return a.row < b.row; });
  return all;
}

template <class T>
bool knows_upstream(const Communicator& comm, const Operands<T>& operands) {
  return comm.all(operands.upstream != nullptr || operands.query.rows.empty());
}

}  // namespace

template <class T>
plan::Balance balance_operands(const Communicator& comm, const Problem& problem, const Operands<T>& operands) {
  std::vector<std::vector<double>> peaks(static_cast<std::size_t>(problem.shape.order) + 1);
  for (std::size_t u = 0; u < peaks.size(); ++u) {
    peaks[u].assign(static_cast<std::size_t>(problem.shape.dim), 0.0);
    const auto& block = operand(operands, static_cast<int>(u));
    plan::raise_column_peaks(block.data, block.rows.size(), problem.shape.dim, peaks[u].data());
    for (double& peak : peaks[u]) peak = comm.max(peak);
  }
  return plan::balance(std::move(peaks));
}

template <class T>
double largest_score(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                     const plan::Balance& balance) {
  std::vector<double> norms;
  for (int u = 0; u <= problem.shape.order; ++u) {
    const auto& block = operand(operands, u);
    norms.push_back(comm.max(plan::largest_row_norm(balance, u, block.data, block.rows.size())));
  }
  return plan::score_bound(balance, problem.scale, norms[0], std::span(norms).subspan(1));
}

template <class T>
RankedRows rank_rows(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                     const plan::Balance& balance, std::int64_t slice, const plan::HeavyCounts& counts) {
  RankedRows ranked;
  for (int u = 0; u <= problem.shape.order; ++u) {
    const std::int64_t rows = rows_of(problem.shape, u);
    rank_operand(comm, balance, u, operand(operands, u), {slice * rows, (slice + 1) * rows},
                 counts[static_cast<std::size_t>(u)], ranked);
  }
  return ranked;
}

template <class T>
plan::Sample sample_rows(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                         const RankedRows& ranked, std::int64_t slice, const plan::SampleSizes& sizes,
                         std::uint64_t seed) {
  const Shape& shape = problem.shape;
  plan::Sample sample{shape.order, shape.dim, shape.value_dim, {}, {}};
  for (int u = 0; u <= shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    const RowRange range{slice * rows_of(shape, u), (slice + 1) * rows_of(shape, u)};
    const auto chosen = choose(ranked.rows[at], ranked.heavy[at], range, sizes.largest(at),
                               u == 0 ? sizes.random_queries : sizes.random_keys, seed, u);
    const std::int64_t count = std::ssize(chosen);
    const RowRange share = comm.rank() == 0 ? RowRange{0, count} : RowRange{count, count};
    std::vector<std::int64_t> numbers;
    plan::SampledRows rows{count, {}, {}, {}, {}};
    for (const Chosen& one : chosen) {
      numbers.push_back(one.row);
      rows.weight.push_back(one.weight);
      rows.rank.push_back(one.rank);
    }
    rows.x = collect_rows(comm, operand(operands, u), numbers, share, shape.dim);
    if (u == 0)
      for (double& x : rows.x) x *= problem.scale;
    const Block<const T> values =
        u == 0 ? Block<const T>{operands.upstream, operands.query.rows} : operands.value[at - 1];
    if (u > 0 || knows_upstream(comm, operands))
      rows.value = collect_rows<T>(comm, values, numbers, share, shape.value_dim);
    (u == 0 ? sample.query : sample.key[at - 1]) = std::move(rows);
  }
  return sample;
}

#define TATTN_INSTANTIATE(T)                                                                                    \
  template plan::Balance balance_operands(const Communicator&, const Problem&, const Operands<T>&);             \
  template double largest_score(const Communicator&, const Problem&, const Operands<T>&, const plan::Balance&); \
  template RankedRows rank_rows(const Communicator&, const Problem&, const Operands<T>&, const plan::Balance&,  \
                                std::int64_t, const plan::HeavyCounts&);                                        \
  template plan::Sample sample_rows(const Communicator&, const Problem&, const Operands<T>&, const RankedRows&, \
                                    std::int64_t, const plan::SampleSizes&, std::uint64_t)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn::polynomial
