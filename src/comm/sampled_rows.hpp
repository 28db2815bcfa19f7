#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/operands.hpp"

namespace tattn {

/// `count` different numbers of 0 .. total-1 (all of them if there are no more) in ascending order, the
/// same on every rank for the same seed and name.
[[nodiscard]] std::vector<std::int64_t> pick(std::int64_t total, std::int64_t count, std::uint64_t seed,
                                             const std::string& name);

/// Rows `rows` (flattened, ascending) of a distributed matrix in double: this rank gets those numbered
/// share.begin .. share.end - 1 in the list; over the ranks the shares cover each once. Collective.
template <class T>
[[nodiscard]] std::vector<double> collect_rows(const Communicator& comm, Block<const T> mine,
                                               const std::vector<std::int64_t>& rows, RowRange share,
                                               std::int64_t columns);

/// Contiguous rows `wanted` of a distributed matrix in double. Collective.
template <class T>
[[nodiscard]] std::vector<double> fetch_double(const Communicator& comm, Block<const T> mine, RowRange wanted,
                                               std::int64_t columns);

}  // namespace tattn
