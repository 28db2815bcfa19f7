#pragma once
#include <cstdint>
#include <limits>
#include <vector>

#include "plan/grid.hpp"
#include "plan/memory.hpp"
#include "plan/partition.hpp"
#include "tattn/plan.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

/// How much longer float passes take that are computed in double: half the lanes, and copies.
inline constexpr double kDoubleCost = 2.1;

/// What a machine reaches with one problem's key dim, value dim and type. Flops are those of plan/flops.hpp.
struct Rates {
  double exact_forward = 0, exact_gradient = 0;            ///< flop/s of a core
  double polynomial_forward = 0, polynomial_gradient = 0;  ///< flop/s of a core
  double latency = 0;                                      ///< seconds of the smallest sum over two ranks
  double bandwidth = 0;                                    ///< bytes/s of a rank in a large sum
  double core_flops = 0;                                   ///< flop/s of a core at the work of planning
  double copies = 2e9;                                     ///< bytes/s of a rank that packs or adds rows
  double exchange = 5e9;                                   ///< bytes/s of a rank that sends rows to others
  std::int64_t panel_rows = kQueryBlock;                   ///< query rows that the exact kernels take at a time
  double cores_a_rank = std::numeric_limits<double>::infinity();  ///< fewer than threads: ranks take turns
};

/// Of a machine that stands for all: float32 with AVX2; only the proportions matter. For choices that must not
/// change from run to run.
[[nodiscard]] Rates nominal_rates(int element_bytes);

/// Of the time of ranks that take turns on a core: what changing, and caches that others have used, take.
inline constexpr double kTurnLoss = 0.05;

/// Seconds until the last rank is done where `work[r]` are the seconds of rank r on a core of its own: threads
/// share it, and ranks with more threads than cores take turns, whoever is done leaving its turn to the others.
[[nodiscard]] double shared_seconds(std::vector<double> work, int threads, double cores_a_rank);

/// Seconds that so many messages in a row take, and so many bytes of a rank in sums and in rows for others; none on
/// one rank.
[[nodiscard]] double network_seconds(std::int64_t summed, std::int64_t moved, double messages, int ranks,
                                     const Rates& rates);

/// One pass of the exact method on so many ranks of so many threads: the work of the busiest rank (rows and keys
/// rounded up to whole register tiles) and what it sends: keys to the ranks that need them, key gradients back.
[[nodiscard]] Cost predict_exact(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                                 const Rates& rates);

/// One pass of the polynomial method on a grid; `features` by feature group (group_features). The gradient has
/// the moments of the forward pass. With feature groups the rows that are copied in, and the parts that are packed
/// and added, take time of their own beside the network's.
[[nodiscard]] Cost predict_polynomial(const Problem& problem, Pass pass, int element_bytes, const Grid& grid,
                                      const std::vector<std::int64_t>& features, int threads, const Rates& rates);

/// Features in groups of equal size: what a choice of the grid knows before there is a walk.
[[nodiscard]] std::vector<std::int64_t> even_groups(std::int64_t features, int groups);

/// The grid of `ranks` ranks with the least predicted seconds, the first of equals in the order: slice groups, then
/// sequence blocks, then feature groups.
[[nodiscard]] Grid choose_grid(const Problem& problem, bool gradients, int element_bytes, std::int64_t features,
                               int ranks, int threads, const Rates& rates);

/// Seconds of the exact results of the sampled rows, those that sets are tried on and those held out: before any
/// set is looked for.
[[nodiscard]] double predict_samples(const Problem& problem, bool gradients, const Rates& rates);

/// Seconds of one search for up to so many features, with its trials. Beside heavy rows a trial has an exact part
/// of its own.
[[nodiscard]] double predict_attempt(const Problem& problem, bool gradients, std::int64_t features, bool heavy,
                                     const Rates& rates);

/// Seconds that choosing a measured set of up to so many features takes where the first search finds it.
[[nodiscard]] double predict_choice(const Problem& problem, bool gradients, std::int64_t features, bool heavy,
                                    const Rates& rates);

}  // namespace tattn::plan
