#pragma once
#include <string>

#include "io/operand_file.hpp"
#include "io/transfer.hpp"

namespace tattn::io {

/// Opens `path` for collective reading by all ranks of `comm`. Throws Error(Status::input) on every rank when
/// any of them cannot, or sees another size than `bytes` (a file that is not on every node). Collective.
[[nodiscard]] Handle open_collective(const Communicator& comm, const std::string& path, std::int64_t bytes);

/// Flattened rows `mine` of dataset `name` of a file from open_collective into `data`, in this machine's byte
/// order. Throws Error(Status::input) on every rank unless the dataset has the given shape and type T.
/// Collective.
template <class T>
TransferReport read_dataset(const Communicator& comm, hid_t file, const std::string& path, const std::string& name,
                            const DatasetShape& shape, RowRange mine, T* data);

}  // namespace tattn::io
