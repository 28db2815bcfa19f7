#include "study/predict.hpp"

#include <fmt/format.h>

#include <limits>

#include "plan/partition.hpp"

namespace tattn::study {
namespace {

int sequence_blocks(const Problem& problem, int ranks) {
  int blocks = 0;
  for (const plan::WorkShare& share : plan::partition_exact(problem, ranks).work)
    blocks += share.key_part == 0 && !share.queries.empty() ? 1 : 0;
  return blocks;
}

plan::Grid grid_of(const Prediction& wanted, int bytes, const plan::Rates& rates) {
  if (!wanted.features) return {1, sequence_blocks(wanted.problem, wanted.ranks), 1};
  return plan::choose_grid(wanted.problem, true, bytes, *wanted.features, wanted.ranks, wanted.threads, rates);
}

Cost cost(const Prediction& wanted, plan::Pass pass, int bytes, const plan::Grid& grid, const plan::Rates& rates) {
  if (!wanted.features)
    return plan::predict_exact(wanted.problem, pass, bytes, wanted.ranks, wanted.threads, rates);
  Cost result = plan::predict_polynomial(wanted.problem, pass, bytes, grid,
                                         plan::even_groups(*wanted.features, grid.features), wanted.threads, rates);
  if (wanted.in_double) *result.seconds *= plan::kDoubleCost;
  return result;
}

}  // namespace

std::string grid_text(const plan::Grid& grid) {
  return fmt::format("{}x{}x{}", grid.slices, grid.sequence, grid.features);
}

Row predicted_row(const Prediction& wanted, const plan::Rates& rates) {
  const int bytes = wanted.in_double ? int{sizeof(double)} : wanted.element_bytes;
  const plan::Grid grid = grid_of(wanted, bytes, rates);
  plan::Rates silent = rates;  // a network that takes no time
  silent.latency = 0;
  silent.bandwidth = silent.exchange = std::numeric_limits<double>::infinity();
  const Cost forward = cost(wanted, plan::Pass::forward, bytes, grid, rates);
  const Cost gradient = cost(wanted, plan::Pass::gradient, bytes, grid, rates);
  const double all = *forward.seconds + *gradient.seconds;
  const double work = *cost(wanted, plan::Pass::forward, bytes, grid, silent).seconds +
                      *cost(wanted, plan::Pass::gradient, bytes, grid, silent).seconds;
  Row row;
  row.measured = false;
  row.ranks = wanted.ranks;
  row.threads = wanted.threads;
  row.rows = wanted.problem.shape.rows;
  row.dim = wanted.problem.shape.dim;
  row.order = wanted.problem.shape.order;
  row.method = wanted.features ? "polynomial" : "exact";
  row.features = wanted.features;
  row.grid = grid_text(grid);
  row.predicted_forward = forward.seconds;
  row.predicted_gradient = gradient.seconds;
  row.bytes_communicated = *forward.bytes_communicated + *gradient.bytes_communicated;
  row.communication_share = all > 0 ? (all - work) / all : 0;
  return row;
}

}  // namespace tattn::study
