#include "cli/shares.hpp"

#include "plan/partition.hpp"

namespace tattn::cli {

Shares shares_of(const Communicator& comm, const Problem& problem, Method method, const plan::Grid& grid) {
  const Shape& shape = problem.shape;
  const bool exact = method == Method::exact || method == Method::dense || problem.causal;
  const auto share = [&](std::int64_t rows) { return plan::grid_share(grid, comm.rank(), shape.slices, rows); };
  Shares mine;
  mine.query_rows = exact ? plan::partition_exact(problem, comm.size()).owned[static_cast<std::size_t>(comm.rank())]
                          : share(shape.rows);
  for (int u = 0; u < shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    mine.key_rows[at] =
        exact ? even_range(shape.total_key_rows(u), comm.size(), comm.rank()) : share(shape.key_rows[at]);
  }
  return mine;
}

}  // namespace tattn::cli
