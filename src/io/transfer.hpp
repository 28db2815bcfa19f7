#pragma once
#include <cstdint>

#include "comm/communicator.hpp"
#include "io/dataset_shape.hpp"
#include "io/hdf5.hpp"
#include "io/transfer_report.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

/// Most bytes a rank moves in one call: MPI-IO counts in int.
inline constexpr std::int64_t kBytesPerCall = std::int64_t{1} << 30;

/// An open dataset, its shape, and its type both in the file and in memory: a conversion on the way would
/// end the collective transfer.
struct OpenDataset {
  hid_t id = H5I_INVALID_HID;
  hid_t type = H5I_INVALID_HID;
  DatasetShape shape;
};

/// Collective reads of flattened rows `mine` into `data` (contiguous, the caller's), as many calls on every
/// rank as any needs: one for rows of one slice or of whole ones, a few more for a share that begins or ends
/// inside a slice, more for shares above `bytes_per_call`. `mine` must lie inside the dataset and may be empty.
/// Throws Error(Status::failed), the same on every rank.
TransferReport read_block(const Communicator& comm, const OpenDataset& dataset, RowRange mine, void* data,
                          std::int64_t bytes_per_call = kBytesPerCall);

/// The same for writing; over the ranks the ranges must not overlap.
TransferReport write_block(const Communicator& comm, const OpenDataset& dataset, RowRange mine, const void* data,
                           std::int64_t bytes_per_call = kBytesPerCall);

/// File access property list of collective access by the ranks of `comm`, with the hints of set_io_hints.
[[nodiscard]] Handle collective_access(const Communicator& comm);

}  // namespace tattn::io
