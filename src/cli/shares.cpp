#include "cli/shares.hpp"

#include "plan/partition.hpp"

namespace tattn::cli {

Shares shares_of(const Communicator& comm, const Problem& problem, Method method, plan::Grid grid,
                 bool reproducible) {
  const Shape& shape = problem.shape;
  const bool exact = method == Method::exact || method == Method::dense || problem.causal;
  grid.whole_blocks = reproducible;
  const auto share = [&](std::int64_t rows) {
    if (!exact) return plan::grid_share(grid, comm.rank(), shape.slices, rows);
    return reproducible ? plan::SumBlocks{rows}.share(shape.slices, comm.size(), comm.rank())
                        : even_range(shape.slices * rows, comm.size(), comm.rank());
  };
  const auto rank = static_cast<std::size_t>(comm.rank());
  Shares mine;
  mine.query_rows =
      exact ? plan::partition_exact(problem, comm.size(), reproducible).owned[rank] : share(shape.rows);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    mine.key_rows[u] = share(shape.key_rows[u]);
  return mine;
}

}  // namespace tattn::cli
