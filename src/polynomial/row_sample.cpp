#include "polynomial/row_sample.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

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

/// The `count` rows of one slice with the largest norms, flattened indices, over all ranks.
template <class T>
std::vector<std::int64_t> largest_rows(const Communicator& comm, const plan::Balance& balance, int number,
                                       const Block<const T>& block, RowRange slice, std::int64_t columns,
                                       std::int64_t count) {
  const RowRange mine = intersect(block.rows, slice);
  std::vector<double> norms(static_cast<std::size_t>(mine.size()));
  if (!mine.empty())
    plan::row_norms(balance, number, block.data + (mine.begin - block.rows.begin) * columns, mine.size(),
                    norms.data());
  std::vector<std::int64_t> order(norms.size());
  std::iota(order.begin(), order.end(), 0);
  const auto larger = [&](std::int64_t a, std::int64_t b) {
    const double x = norms[static_cast<std::size_t>(a)], y = norms[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto kept = std::min<std::size_t>(static_cast<std::size_t>(count), order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), larger);

  // Each rank fills its own part of the list; the sum puts the parts together. A row counts from 1: 0 is none.
  std::vector<double> all(static_cast<std::size_t>(2 * count * comm.size()), 0.0);
  double* part = all.data() + 2 * count * comm.rank();
  for (std::size_t k = 0; k < kept; ++k) {
    part[2 * k] = norms[static_cast<std::size_t>(order[k])];
    part[2 * k + 1] = static_cast<double>(mine.begin + order[k] + 1);
  }
  comm.sum(all.data(), static_cast<std::int64_t>(all.size()));
  std::vector<std::pair<double, std::int64_t>> found;
  for (std::size_t k = 0; k < all.size(); k += 2)
    if (all[k + 1] > 0) found.emplace_back(-all[k], static_cast<std::int64_t>(all[k + 1]) - 1);
  std::sort(found.begin(), found.end());
  std::vector<std::int64_t> rows;
  for (std::size_t k = 0; k < std::min<std::size_t>(found.size(), static_cast<std::size_t>(count)); ++k)
    rows.push_back(found[k].second);
  return rows;
}

/// Largest rows with weight 1, and random others that stand for the rest, in ascending order.
struct Chosen {
  std::vector<std::int64_t> rows;
  std::vector<double> weight;
};

Chosen choose(const std::vector<std::int64_t>& largest, RowRange slice, std::int64_t random, std::uint64_t seed,
              int number) {
  const std::set<std::int64_t> top(largest.begin(), largest.end());
  std::set<std::int64_t> others;
  for (const std::int64_t row : pick(slice.size(), random, seed, "rows of operand " + std::to_string(number)))
    if (!top.contains(slice.begin + row)) others.insert(slice.begin + row);
  const double rest = static_cast<double>(slice.size()) - static_cast<double>(top.size());
  std::set<std::int64_t> all = top;
  all.insert(others.begin(), others.end());
  Chosen chosen;
  for (const std::int64_t row : all) {
    chosen.rows.push_back(row);
    chosen.weight.push_back(top.contains(row) ? 1.0 : rest / static_cast<double>(others.size()));
  }
  return chosen;
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
plan::Sample sample_rows(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                         const plan::Balance& balance, std::int64_t slice, const SampleSizes& sizes,
                         std::uint64_t seed) {
  const Shape& shape = problem.shape;
  plan::Sample sample{shape.order, shape.dim, shape.value_dim, {}, {}};
  for (int u = 0; u <= shape.order; ++u) {
    const RowRange range{slice * rows_of(shape, u), (slice + 1) * rows_of(shape, u)};
    const auto& block = operand(operands, u);
    const auto top = largest_rows(comm, balance, u, block, range, shape.dim,
                                  u == 0 ? sizes.largest_queries : sizes.largest_keys);
    const Chosen chosen = choose(top, range, u == 0 ? sizes.random_queries : sizes.random_keys, seed, u);
    const auto count = static_cast<std::int64_t>(chosen.rows.size());
    const RowRange share = comm.rank() == 0 ? RowRange{0, count} : RowRange{count, count};
    plan::SampledRows& rows = u == 0 ? sample.query : sample.key[static_cast<std::size_t>(u - 1)];
    rows = {count, collect_rows(comm, block, chosen.rows, share, shape.dim), {}, chosen.weight};
    if (u == 0)
      for (double& x : rows.x) x *= problem.scale;
    else
      rows.value =
          collect_rows(comm, operands.value[static_cast<std::size_t>(u - 1)], chosen.rows, share, shape.value_dim);
  }
  return sample;
}

#define TATTN_INSTANTIATE(T)                                                                                       \
  template plan::Balance balance_operands(const Communicator&, const Problem&, const Operands<T>&);                \
  template double largest_score(const Communicator&, const Problem&, const Operands<T>&, const plan::Balance&);    \
  template plan::Sample sample_rows(const Communicator&, const Problem&, const Operands<T>&, const plan::Balance&, \
                                    std::int64_t, const SampleSizes&, std::uint64_t)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn::polynomial
