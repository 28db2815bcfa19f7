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

/// Cut as the method that will most likely be taken wants them; `grid` is the polynomial's. Not collective.
[[nodiscard]] Shares shares_of(const Communicator& comm, const Problem& problem, Method method,
                               const plan::Grid& grid);

}  // namespace tattn::cli
