#pragma once
#include <array>

#include "comm/communicator.hpp"
#include "plan/grid.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::cli {

/// The rows that a rank has.
struct Shares {
  RowRange query_rows;
  std::array<RowRange, kMaxOrder> key_rows{};
};

/// Cut as the method that will most likely be taken wants them; `grid` is the polynomial's. With reproducible sums
/// every cut is at the end of a block. Not collective.
[[nodiscard]] Shares shares_of(const Communicator& comm, const Problem& problem, Method method, plan::Grid grid,
                               bool reproducible = false);

}  // namespace tattn::cli
