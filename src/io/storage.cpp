#include "io/storage.hpp"

#include <fmt/format.h>

#include <array>

#include "io/dataset_shape.hpp"

namespace tattn::io {
namespace {

std::int64_t claimed_bytes(const std::string& path, const Dataset& dataset) {
  std::int64_t bytes = dataset.dtype == DType::f32 ? 4 : 8;
  for (const std::int64_t extent : dataset.dims)
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      refuse_dataset(
          path, dataset.name,
          fmt::format("claims shape {}, more than 2^63 bytes: the file is damaged", format_dims(dataset.dims)));
  return bytes;
}

void check_contiguous(const std::string& path, std::int64_t file_bytes, const Dataset& dataset, hid_t opened) {
  const std::int64_t claimed = claimed_bytes(path, dataset);
  const auto kept = static_cast<std::int64_t>(H5Dget_storage_size(opened));
  if (kept == 0)
    refuse_dataset(
        path, dataset.name,
        fmt::format("has shape {}, but its entries were never written: write them", format_dims(dataset.dims)));
  if (kept < claimed || claimed > file_bytes)
    refuse_dataset(
        path, dataset.name,
        fmt::format("claims {} bytes with its shape {}, but {} are kept in a file of {}: the file is damaged",
                    claimed, format_dims(dataset.dims), kept, file_bytes));
}

void check_chunks(const std::string& path, const Dataset& dataset, hid_t opened, hid_t creation) {
  claimed_bytes(path, dataset);
  std::vector<hsize_t> chunk(dataset.dims.size());
  TATTN_H5(H5Pget_chunk, creation, static_cast<int>(chunk.size()), chunk.data());
  std::int64_t expected = 1;
  for (std::size_t axis = 0; axis < chunk.size(); ++axis) {
    const auto length = static_cast<std::int64_t>(chunk[axis]);
    expected *= dataset.dims[axis] / length + (dataset.dims[axis] % length != 0 ? 1 : 0);
  }
  hsize_t kept = 0;
  const Handle space(TATTN_H5(H5Dget_space, opened), H5Sclose);
  TATTN_H5(H5Dget_num_chunks, opened, space.get(), &kept);
  if (static_cast<std::int64_t>(kept) < expected)
    refuse_dataset(path, dataset.name,
                   fmt::format("has shape {} in {} chunks, but only {} were ever written: write all of its rows",
                               format_dims(dataset.dims), expected, kept));
}

void check_filters(const std::string& path, const Dataset& dataset, hid_t creation) {
  const int filters = TATTN_H5(H5Pget_nfilters, creation);
  for (int f = 0; f < filters; ++f) {
    unsigned flags = 0;
    std::size_t values = 0;
    std::array<char, 64> name{};
    const H5Z_filter_t id = TATTN_H5(H5Pget_filter2, creation, static_cast<unsigned>(f), &flags, &values, nullptr,
                                     name.size(), name.data(), nullptr);
    if (TATTN_H5(H5Zfilter_avail, id) == 0)
      refuse_dataset(path, dataset.name,
                     fmt::format("is compressed by filter {} ('{}'), which this HDF5 does not have: "
                                 "repack it with h5repack -f GZIP=1",
                                 id, name.data()));
  }
}

}  // namespace

void check_storage(const std::string& path, std::int64_t file_bytes, const Dataset& dataset, hid_t opened) {
  const Handle creation(TATTN_H5(H5Dget_create_plist, opened), H5Pclose);
  check_filters(path, dataset, creation.get());
  switch (TATTN_H5(H5Pget_layout, creation.get())) {
    case H5D_CONTIGUOUS:
      if (TATTN_H5(H5Pget_external_count, creation.get()) > 0)
        refuse_dataset(path, dataset.name,
                       "keeps its entries in other files: copy them into this one with h5repack");
      return check_contiguous(path, file_bytes, dataset, opened);
    case H5D_CHUNKED:
      return check_chunks(path, dataset, opened, creation.get());
    case H5D_COMPACT:
      return;
    default:
      refuse_dataset(path, dataset.name,
                     "is virtual, its entries are in other files: copy them into this one with h5repack");
  }
}

}  // namespace tattn::io
