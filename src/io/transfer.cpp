#include "io/transfer.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "comm/io_hints.hpp"
#include "io/selection.hpp"

namespace tattn::io {
namespace {

/// One collective call: memory space, file space, transfer properties, first byte of the memory.
using Call = std::function<void(hid_t, hid_t, hid_t, std::int64_t)>;

Handle collective_transfer() {
  Handle properties(TATTN_H5(H5Pcreate, H5P_DATASET_XFER), H5Pclose);
  TATTN_H5(H5Pset_dxpl_mpio, properties.get(), H5FD_MPIO_COLLECTIVE);
  return properties;
}

bool was_collective(hid_t properties) {
  H5D_mpio_actual_io_mode_t mode = H5D_MPIO_NO_COLLECTIVE;
  TATTN_H5(H5Pget_mpio_actual_io_mode, properties, &mode);
  return mode != H5D_MPIO_NO_COLLECTIVE;
}

/// What each call moves of this rank's rows. A box a call, not their union: HDF5 copies chunked data entry by
/// entry, several times slower, unless file and memory have one shape.
std::vector<Box> cut(const DatasetShape& shape, RowRange mine, std::int64_t rows_per_call) {
  std::vector<Box> boxes;
  for (std::int64_t begin = mine.begin; begin < mine.end; begin += rows_per_call) {
    const RowRange part = intersect(mine, {begin, begin + rows_per_call});
    for (Box& box : row_boxes(shape.row_dims(), part)) boxes.push_back(std::move(box));
  }
  return boxes;
}

TransferReport transfer(const Communicator& comm, const OpenDataset& dataset, RowRange mine,
                        std::int64_t bytes_per_call, const Call& call) {
  const auto entry_bytes = static_cast<std::int64_t>(TATTN_H5(H5Tget_size, dataset.type));
  const std::int64_t row_bytes = dataset.shape.row_entries() * entry_bytes;
  const auto boxes = cut(dataset.shape, mine, std::max<std::int64_t>(1, bytes_per_call / row_bytes));

  TransferReport report{comm.max(static_cast<std::int64_t>(boxes.size())), true};
  std::int64_t at = 0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(report.calls); ++c) {
    const auto box = c < boxes.size() ? std::optional(boxes[c]) : std::nullopt;
    Handle properties;
    Selection selection;
    // What only this rank can get wrong is over before the collective call, in which the others would wait.
    comm.agree([&] {
      properties = collective_transfer();
      selection = select_box(dataset.shape, box);
    });
    comm.agree([&] {
      call(selection.memory.get(), selection.file.get(), properties.get(), at);
      report.collective = was_collective(properties.get()) && report.collective;
    });
    if (box) at += box->rows() * row_bytes;
  }
  return report;
}

}  // namespace

TransferReport read_block(const Communicator& comm, const OpenDataset& dataset, RowRange mine, void* data,
                          std::int64_t bytes_per_call) {
  return transfer(comm, dataset, mine, bytes_per_call, [&](hid_t memory, hid_t file, hid_t how, std::int64_t at) {
    char nothing = 0;  // HDF5 refuses a null pointer even where nothing is selected
    char* to = mine.empty() ? &nothing : static_cast<char*>(data) + at;
    TATTN_H5(H5Dread, dataset.id, dataset.type, memory, file, how, to);
  });
}

TransferReport write_block(const Communicator& comm, const OpenDataset& dataset, RowRange mine, const void* data,
                           std::int64_t bytes_per_call) {
  return transfer(comm, dataset, mine, bytes_per_call, [&](hid_t memory, hid_t file, hid_t how, std::int64_t at) {
    const char nothing = 0;
    const char* from = mine.empty() ? &nothing : static_cast<const char*>(data) + at;
    TATTN_H5(H5Dwrite, dataset.id, dataset.type, memory, file, how, from);
  });
}

Handle collective_access(const Communicator& comm) {
  Handle access(TATTN_H5(H5Pcreate, H5P_FILE_ACCESS), H5Pclose);
  const IoInfo hints;  // HDF5 keeps a copy
  TATTN_H5(H5Pset_fapl_mpio, access.get(), comm.handle(), hints.handle());
  // Otherwise every rank reads every header by itself, and thousands of them at once. Headers are still written
  // one by one: Open MPI fills the gaps between those of a collective write with whatever is in memory.
  TATTN_H5(H5Pset_all_coll_metadata_ops, access.get(), true);
  return access;
}

}  // namespace tattn::io
