#include "io/dataset_read.hpp"

#include <fmt/format.h>

#include "io/dataset.hpp"
#include "io/input_file.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

template <class T>
constexpr DType kDType = sizeof(T) == 4 ? DType::f32 : DType::f64;

/// The file may have changed since it was inspected, and a selection outside it on one rank leaves the others
/// waiting: so every rank looks again.
void check_unchanged(const std::string& path, const std::string& name, hid_t dataset, const DatasetShape& shape) {
  const Handle space(TATTN_H5(H5Dget_space, dataset), H5Sclose);
  std::vector<hsize_t> dims(static_cast<std::size_t>(TATTN_H5(H5Sget_simple_extent_ndims, space.get())));
  TATTN_H5(H5Sget_simple_extent_dims, space.get(), dims.data(), nullptr);
  const std::vector<std::int64_t> found(dims.begin(), dims.end());
  if (found != shape.dims())
    refuse_dataset(path, name,
                   fmt::format("has shape {}, expected {}", format_dims(found), format_dims(shape.dims())));
}

void check_type(const std::string& path, const std::string& name, hid_t type, DType expected) {
  if (float_type(type) != expected)
    refuse_dataset(path, name,
                   fmt::format("is of type {}, expected {}", describe_type(type), describe_type(expected)));
}

void check_range(const std::string& path, const std::string& name, const DatasetShape& shape, RowRange mine) {
  if (!mine.empty() && (mine.begin < 0 || mine.end > shape.total_rows()))
    refuse_dataset(path, name,
                   fmt::format("has {} rows over all slices, but rows {} to {} are asked for", shape.total_rows(),
                               mine.begin, mine.end));
}

}  // namespace

Handle open_collective(const Communicator& comm, const std::string& path, std::int64_t bytes) {
  Handle access;
  comm.agree([&] {
    const std::int64_t seen = check_input_file(path);
    if (seen != bytes)
      throw Error(Status::input,
                  fmt::format("{}: has {} bytes on rank {}, but {} on rank 0: expected the same file "
                              "on every node, and nobody writing it",
                              path, seen, comm.rank(), bytes));
    access = collective_access(comm);
  });
  Handle file;
  comm.agree([&] {
    blame_input(path, [&] { file = {TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose}; });
  });
  return file;
}

template <class T>
TransferReport read_dataset(const Communicator& comm, hid_t file, const std::string& path, const std::string& name,
                            const DatasetShape& shape, RowRange mine, T* data) {
  Handle dataset, type;
  comm.agree([&] {
    blame_input(path, [&] { dataset = {TATTN_H5(H5Dopen2, file, name.c_str(), H5P_DEFAULT), H5Dclose}; });
  });
  comm.agree([&] {
    blame_input(path, [&] {
      type = {TATTN_H5(H5Dget_type, dataset.get()), H5Tclose};
      check_type(path, name, type.get(), kDType<T>);
      check_unchanged(path, name, dataset.get(), shape);
      check_range(path, name, shape, mine);
    });
  });
  TransferReport report;
  blame_input(path, [&] { report = read_block(comm, {dataset.get(), type.get(), shape}, mine, data); });
  comm.agree([&] {
    if (mine.empty() || TATTN_H5(H5Tequal, type.get(), native_type<T>()) > 0) return;
    // The other byte order, turned here: HDF5 would do it on the way, one rank after the other.
    const auto entries = static_cast<std::size_t>(mine.size() * shape.row_entries());
    TATTN_H5(H5Tconvert, type.get(), native_type<T>(), entries, data, nullptr, H5P_DEFAULT);
  });
  return report;
}

template TransferReport read_dataset(const Communicator&, hid_t, const std::string&, const std::string&,
                                     const DatasetShape&, RowRange, float*);
template TransferReport read_dataset(const Communicator&, hid_t, const std::string&, const std::string&,
                                     const DatasetShape&, RowRange, double*);

}  // namespace tattn::io
