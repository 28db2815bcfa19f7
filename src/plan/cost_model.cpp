#include "plan/cost_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/panels.hpp"
#include "plan/flops.hpp"
#include "plan/partition.hpp"
#include "plan/sample_sizes.hpp"

namespace tattn::plan {
namespace {

constexpr double kTurn = 5e-4;                         // of a core that ranks share
constexpr double kCausalLoss = 1.2, kCausalRows = 32;  // of masked vectors; rows that tiles reach beyond their own

std::int64_t longest_key(const Shape& shape) {
  return *std::max_element(shape.key_rows.begin(), shape.key_rows.begin() + shape.order);
}

/// Shares of the flops that the ranks have, rows and keys rounded up to register tiles.
std::vector<double> exact_shares(const Problem& problem, int ranks, std::int64_t panel_rows) {
  const Shape& shape = problem.shape;
  const std::int64_t inner = longest_key(shape);
  const double tiles = static_cast<double>(kernels::round_up(inner, kernels::kHeight)) / static_cast<double>(inner);
  if (problem.causal) {  // cut by work
    const double seen = 1 + kCausalRows / static_cast<double>(shape.rows);
    const double share = kCausalLoss * std::pow(seen, shape.order) * tiles / ranks;
    return std::vector<double>(static_cast<std::size_t>(ranks), share);
  }
  std::vector<double> shares;
  for (const WorkShare& share : partition_exact(problem, ranks).work) {
    const std::int64_t rows = std::min(share.queries.size(), shape.rows);  // of one slice: tiles end with it
    const double padded = static_cast<double>(kernels::round_up(rows, panel_rows)) /
                          static_cast<double>(std::max<std::int64_t>(1, rows));
    shares.push_back(tiles * padded * static_cast<double>(share.queries.size()) *
                     largest_key_part(shape, share.key_parts) / static_cast<double>(shape.total_rows()));
  }
  return shares;
}

std::int64_t exact_bytes(const Shape& shape, Pass pass, int element_bytes, int ranks) {
  const double sharers = std::max(1.0, static_cast<double>(ranks) / static_cast<double>(shape.slices));
  double bytes = 0;
  for (int u = 0; u < shape.order; ++u) {
    const double own = static_cast<double>(shape.total_key_rows(u)) / ranks;
    const auto columns = static_cast<double>(shape.dim + shape.value_dim);
    bytes += own * (sharers - 1) * columns * (pass == Pass::forward ? element_bytes : element_bytes + 8);
  }
  return static_cast<std::int64_t>(bytes);
}

/// Rows of all operands that a rank works on.
std::int64_t rows_of(const Shape& shape, const Grid& grid, int rank) {
  std::int64_t rows = grid_rows(grid, rank, shape.slices, shape.rows).size();
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    rows += grid_rows(grid, rank, shape.slices, shape.key_rows[u]).size();
  return rows;
}

/// Flops of the ranks; of the one that has most alone where none waits for a core.
std::vector<double> polynomial_work(const Shape& shape, Pass pass, const Grid& grid,
                                    const std::vector<std::int64_t>& features, bool all) {
  std::vector<double> work;
  for (int rank = 0; rank < (all ? grid.ranks() : grid.features); ++rank) {  // the first block is the longest
    const auto group = static_cast<std::size_t>(place_of(grid, rank).features);
    work.push_back((pass == Pass::forward ? 2.0 : 4.0) * static_cast<double>(features[group]) *
                   static_cast<double>(shape.value_dim + 1) * static_cast<double>(rows_of(shape, grid, rank)));
  }
  return work;
}

/// Seconds that ranks wait in a pass for others that have no core at the moment.
double turn_seconds(const Shape& shape, int ranks, int threads, const Rates& rates) {
  return ranks == 1 ? 0 : 2 * shape.order * kTurn * std::max(0.0, threads / rates.cores_a_rank - 1);
}

void divide(std::vector<double>& values, double by) {
  for (double& value : values) value /= by;
}

/// All three factors of `ranks`, slice groups first.
std::vector<Grid> grids(std::int64_t slices, int ranks) {
  std::vector<Grid> result;
  for (int s = ranks; s >= 1; --s)
    for (int f = 1; f <= ranks / s; ++f)
      if (ranks % s == 0 && ranks / s % f == 0 && s <= std::max<std::int64_t>(1, slices))
        result.push_back({s, ranks / s / f, f});
  return result;
}

}  // namespace

Rates nominal_rates(int element_bytes) {
  const double core = element_bytes == 4 ? 3e10 : 1.5e10;
  Rates rates;
  rates.exact_forward = rates.exact_gradient = rates.polynomial_forward = rates.polynomial_gradient = core;
  rates.latency = 2e-5;
  rates.bandwidth = rates.exchange = 1e9;
  rates.core_flops = 1e10;
  return rates;
}

double network_seconds(std::int64_t summed, std::int64_t moved, double messages, int ranks, const Rates& rates) {
  if (ranks == 1) return 0;
  return messages * rates.latency * std::log2(ranks) + static_cast<double>(summed) / rates.bandwidth +
         static_cast<double>(moved) / rates.exchange;
}

double shared_seconds(std::vector<double> work, int threads, double cores_a_rank) {
  std::sort(work.begin(), work.end());
  const double cores = cores_a_rank * static_cast<double>(work.size());
  double seconds = 0, done = 0, busy = static_cast<double>(work.size()) * threads;
  for (const double rank : work) {
    const double turns = busy > cores ? (1 + kTurnLoss) * busy / cores : 1;
    seconds += (rank - done) / threads * turns;
    done = rank;
    busy -= threads;
  }
  return seconds;
}

std::vector<std::int64_t> even_groups(std::int64_t features, int groups) {
  std::vector<std::int64_t> result;
  for (int g = 0; g < groups; ++g) result.push_back(even_range(features, groups, g).size());
  return result;
}

Cost predict_exact(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                   const Rates& rates) {
  Cost cost;
  const bool forward = pass == Pass::forward;
  cost.flops = forward ? exact_forward_flops(problem) : exact_gradient_flops(problem);
  cost.bytes_communicated = exact_bytes(problem.shape, pass, element_bytes, ranks);
  cost.bytes_memory = exact_memory_bytes(problem, pass, element_bytes, ranks, threads);
  std::vector<double> work = exact_shares(problem, ranks, rates.panel_rows);
  divide(work, (forward ? rates.exact_forward : rates.exact_gradient) / *cost.flops);
  cost.seconds = shared_seconds(std::move(work), threads, rates.cores_a_rank) +
                 turn_seconds(problem.shape, ranks, threads, rates) +
                 network_seconds(0, *cost.bytes_communicated, 2.0 * problem.shape.order, ranks, rates);
  return cost;
}

Cost predict_polynomial(const Problem& problem, Pass pass, int element_bytes, const Grid& grid,
                        const std::vector<std::int64_t>& features, int threads, const Rates& rates) {
  Cost cost;
  const Shape& shape = problem.shape;
  const bool forward = pass == Pass::forward;
  std::int64_t all = 0;
  for (const std::int64_t of_group : features) all += of_group;
  const std::int64_t most = *std::max_element(features.begin(), features.end());
  cost.flops = (forward ? 1 : 2) * polynomial_forward_flops(problem, all);
  cost.bytes_communicated = polynomial_bytes(problem, grid, features, element_bytes, pass);
  cost.bytes_memory = polynomial_memory_bytes(problem, pass, element_bytes, grid.ranks(), threads, most);
  std::vector<double> work = polynomial_work(shape, pass, grid, features, threads > rates.cores_a_rank);
  divide(work, forward ? rates.polynomial_forward : rates.polynomial_gradient);
  const std::int64_t moved = moved_bytes(problem, grid, element_bytes, pass);
  const std::int64_t copied = copied_bytes(problem, grid, element_bytes, pass);
  for (double& seconds : work) seconds += static_cast<double>(threads * copied) / rates.copies;
  cost.seconds = shared_seconds(std::move(work), threads, rates.cores_a_rank) +
                 turn_seconds(shape, grid.ranks(), threads, rates) +
                 network_seconds(*cost.bytes_communicated - moved, moved, 4.0 * shape.order, grid.ranks(), rates);
  return cost;
}

Grid choose_grid(const Problem& problem, bool gradients, int element_bytes, std::int64_t features, int ranks,
                 int threads, const Rates& rates) {
  Grid best;
  double least = -1;
  for (const Grid& grid : grids(problem.shape.slices, ranks)) {
    const auto groups = even_groups(features, grid.features);
    double seconds =
        *predict_polynomial(problem, Pass::forward, element_bytes, grid, groups, threads, rates).seconds;
    if (gradients)
      seconds += *predict_polynomial(problem, Pass::gradient, element_bytes, grid, groups, threads, rates).seconds;
    if (least >= 0 && seconds >= least) continue;
    least = seconds;
    best = grid;
  }
  return best;
}

namespace {

/// The rows of a slice that sets are tried on; as many are held out.
Problem trial_problem(const Problem& problem) {
  return sampled_problem(problem, of_order(kTrialSizes, problem.shape.order));
}

double all_rows(const Shape& shape) {
  return static_cast<double>(
      std::accumulate(shape.key_rows.begin(), shape.key_rows.begin() + shape.order, shape.rows));
}

/// Of the exact results of a trial.
double trial_flops(const Problem& problem, bool gradients) {
  const Problem trial = trial_problem(problem);
  return gradients ? exact_gradient_flops(trial) * 4 / 3 : exact_forward_flops(trial);  // with the forward pass
}

}  // namespace

double predict_samples(const Problem& problem, bool gradients, const Rates& rates) {
  const double slices = problem.shape.slices > 1 ? 2 : 1;
  return slices * 2 * trial_flops(problem, gradients) / rates.core_flops;
}

/// Constants fitted to what searches took on one machine, by the rate of its cores: a guess within a factor of two.
double predict_attempt(const Problem& problem, bool gradients, std::int64_t features, bool heavy,
                       const Rates& rates) {
  const Shape& shape = problem.shape;
  const double columns = static_cast<double>(shape.dim + shape.value_dim), slices = shape.slices > 1 ? 2 : 1;
  const double softmax = 70e6 + 3e6 * columns;  // of the rows that monomials are looked at on
  const double monomials = 2 * static_cast<double>(features) *
                           all_rows(sampled_problem(problem, kSearchSizes).shape) * (400 + 4 * columns) *
                           (gradients ? 2.2 : 1);
  const double trials = (gradients ? 33 : 13) * polynomial_forward_flops(trial_problem(problem), features);
  const double parts = !heavy ? 0 : (gradients ? 2.5 : 0.3) * trial_flops(problem, gradients);
  return slices * (softmax + monomials + trials + parts) / rates.core_flops;
}

double predict_choice(const Problem& problem, bool gradients, std::int64_t features, bool heavy,
                      const Rates& rates) {
  return predict_samples(problem, gradients, rates) + predict_attempt(problem, gradients, features, heavy, rates);
}

}  // namespace tattn::plan
