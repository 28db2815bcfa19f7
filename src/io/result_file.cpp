#include "io/result_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "io/dataset_shape.hpp"
#include "io/finite.hpp"
#include "io/hdf5.hpp"
#include "io/temporary_file.hpp"
#include "io/transfer.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

constexpr std::int64_t kFillBytes = std::int64_t{64} << 20;

Handle properties_without_times(hid_t kind) {
  Handle properties(TATTN_H5(H5Pcreate, kind), H5Pclose);
  TATTN_H5(H5Pset_obj_track_times, properties.get(), false);  // the same bytes whenever it is written
  return properties;
}

Handle dataset_properties() {
  Handle properties = properties_without_times(H5P_DATASET_CREATE);
  TATTN_H5(H5Pset_layout, properties.get(), H5D_CONTIGUOUS);
  TATTN_H5(H5Pset_alloc_time, properties.get(), H5D_ALLOC_TIME_EARLY);
  TATTN_H5(H5Pset_fill_time, properties.get(), H5D_FILL_TIME_NEVER);  // every row is written anyway
  return properties;
}

Handle string_type(std::size_t size) {
  Handle type(TATTN_H5(H5Tcopy, H5T_C_S1), H5Tclose);
  TATTN_H5(H5Tset_size, type.get(), size);
  TATTN_H5(H5Tset_cset, type.get(), H5T_CSET_UTF8);
  return type;
}

void write_attribute(hid_t file, const std::string& name, hid_t type, const void* value) {
  const Handle space(TATTN_H5(H5Screate, H5S_SCALAR), H5Sclose);
  const Handle attribute(TATTN_H5(H5Acreate2, file, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  TATTN_H5(H5Awrite, attribute.get(), type, value);
}

void write_attribute(hid_t file, const std::string& name, const Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    const char* characters = text->c_str();
    // h5py reads strings of variable length as str
    return write_attribute(file, name, string_type(H5T_VARIABLE).get(), static_cast<const void*>(&characters));
  }
  if (const auto* plain = std::get_if<PlainText>(&value))
    return write_attribute(file, name, string_type(plain->text.size() + 1).get(), plain->text.c_str());
  if (const auto* number = std::get_if<double>(&value))
    return write_attribute(file, name, H5T_NATIVE_DOUBLE, number);
  write_attribute(file, name, H5T_NATIVE_INT64, std::get_if<std::int64_t>(&value));
}

template <class Number>
Number broadcast_number(const Communicator& comm, Number value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  bytes = comm.broadcast(bytes);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// Rank 0's value: headers are written by all ranks together and must be the same on each, which a clock is not.
Attribute broadcast_attribute(const Communicator& comm, const Attribute& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return comm.broadcast(*text);
  if (const auto* plain = std::get_if<PlainText>(&value)) return PlainText{comm.broadcast(plain->text)};
  if (const auto* number = std::get_if<double>(&value)) return broadcast_number(comm, *number);
  return broadcast_number(comm, std::get<std::int64_t>(value));
}

/// Numbers that overflow on the way are no result.
template <class T>
void require_finite(const Communicator& comm, const std::string& path, const std::string& name,
                    const DatasetShape& shape, RowRange mine, const T* data) {
  comm.agree([&] {
    const std::int64_t entries = mine.size() * shape.row_entries(), at = first_not_finite(data, entries);
    if (at == entries) return;
    constexpr bool kSingle = sizeof(T) == 4;
    throw Error(
        Status::failed,
        fmt::format("{}: not written, as dataset '{}' would hold {} in row {}: numbers overflow {} on the way; use "
                    "smaller entries or a smaller --scale{}",
                    path, name, data[at], mine.begin + at / shape.row_entries(), kSingle ? "float32" : "float64",
                    kSingle ? ", or float64 inputs" : ""));
  });
}

}  // namespace

struct ResultFile::State {
  const Communicator& comm;
  std::string path;
  std::optional<TemporaryFile> temporary;  // on rank 0; outlives `file`, which is below
  Handle file;
  std::int64_t end = 0;  // of the dataset that ends last
  /// More than HDF5 holds back until the last flush: names, shapes, attributes. What is too much, closing frees.
  std::int64_t header_bytes = std::int64_t{32} << 10;

  /// Throws what HDF5 or MPI says with the name of the file that could not be written.
  void blame_output(const std::function<void()>& step);
  /// What every rank does together, in step.
  void together(const std::function<void()>& step) {
    blame_output([&] { comm.agree(step); });
  }

  [[nodiscard]] Handle create_dataset(const std::string& name, hid_t type, hid_t space);
  /// Of the given shape, of which this rank will write rows `mine`.
  [[nodiscard]] Handle create_dataset(const std::string& name, hid_t type, const DatasetShape& shape,
                                      RowRange mine);
};

void ResultFile::State::blame_output(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    file.abandon();  // on a full disk to close it is to flush it: rank 0 fails, and the others wait for it
    const std::string message = error.what();
    if (message.rfind(path + ": ", 0) == 0) throw;
    throw Error(Status::failed, path + ": cannot be written: " + message);
  }
}

Handle ResultFile::State::create_dataset(const std::string& name, hid_t type, hid_t space) {
  Handle dataset;
  together([&] {
    const Handle properties = dataset_properties();
    dataset = {
        TATTN_H5(H5Dcreate2, file.get(), name.c_str(), type, space, H5P_DEFAULT, properties.get(), H5P_DEFAULT),
        H5Dclose};
  });
  together([&] {
    const haddr_t offset = H5Dget_offset(dataset.get());
    if (!temporary || offset == HADDR_UNDEF) return;
    const auto begin = static_cast<std::int64_t>(offset);
    const auto bytes = static_cast<std::int64_t>(H5Dget_storage_size(dataset.get()));
    temporary->reserve("dataset '" + name + "'", begin, bytes);
    end = std::max(end, begin + bytes);
  });
  return dataset;
}

Handle ResultFile::State::create_dataset(const std::string& name, hid_t type, const DatasetShape& shape,
                                         RowRange mine) {
  Handle space;
  together([&] {
    if (!mine.empty() && (mine.begin < 0 || mine.end > shape.total_rows()))
      throw Error(Status::failed, "dataset '" + name + "' of shape " + format_dims(shape.dims()) + " has no row " +
                                      std::to_string(mine.end - 1));
    const std::vector<std::int64_t> dims = shape.dims();
    const std::vector<hsize_t> extent(dims.begin(), dims.end());
    space = {TATTN_H5(H5Screate_simple, static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose};
  });
  return create_dataset(name, type, space.get());
}

ResultFile::ResultFile(const Communicator& comm, const std::string& path, bool replace)
    : state_(new State{comm, path, std::nullopt, Handle()}) {
  comm.agree([&] {
    if (comm.rank() == 0) state_->temporary.emplace(path, replace);
  });
  Handle access, creation;
  state_->together([&] {
    access = collective_access(comm);
    creation = properties_without_times(H5P_FILE_CREATE);
  });
  state_->together([&] {
    state_->file = {TATTN_H5(H5Fcreate, partial_name(path).c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                    H5Fclose};
  });
}

ResultFile::~ResultFile() = default;

void ResultFile::attribute(const std::string& name, const Attribute& value) {
  const Attribute shared = broadcast_attribute(state_->comm, value);
  state_->together([&] { write_attribute(state_->file.get(), name, shared); });
  if (const auto* text = std::get_if<std::string>(&shared))
    state_->header_bytes += 2 * static_cast<std::int64_t>(text->size());
}

template <class T>
TransferReport ResultFile::dataset(const std::string& name, const std::vector<std::int64_t>& leading,
                                   std::int64_t rows, std::int64_t columns, RowRange mine, const T* data) {
  const DatasetShape shape{leading, rows, columns};
  require_finite(state_->comm, state_->path, name, shape, mine, data);
  const Handle dataset = state_->create_dataset(name, native_type<T>(), shape, mine);
  TransferReport report;
  state_->blame_output([&] {
    report = write_block(state_->comm, {dataset.get(), native_type<T>(), shape}, mine, data);
  });
  return report;
}

template <class T>
void ResultFile::dataset(const std::string& name, const std::vector<std::int64_t>& leading, std::int64_t rows,
                         std::int64_t columns, RowRange mine,
                         const std::function<void(RowRange part, T* to)>& fill) {
  const DatasetShape shape{leading, rows, columns};
  const Handle dataset = state_->create_dataset(name, native_type<T>(), shape, mine);
  const std::int64_t entries = shape.row_entries();
  const std::int64_t step =
      std::max<std::int64_t>(1, kFillBytes / (entries * static_cast<std::int64_t>(sizeof(T))));
  const std::int64_t blocks = state_->comm.max((mine.size() + step - 1) / step);
  std::vector<T> block;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const RowRange part = intersect(mine, {mine.begin + b * step, mine.begin + (b + 1) * step});
    state_->comm.agree([&] {
      block.resize(static_cast<std::size_t>(part.size() * entries));
      fill(part, block.data());
    });
    require_finite(state_->comm, state_->path, name, shape, part, block.data());
    state_->blame_output([&] {
      write_block(state_->comm, {dataset.get(), native_type<T>(), shape}, part, block.data());
    });
  }
}

void ResultFile::scalar(const std::string& name, double value) {
  const double shared = broadcast_number(state_->comm, value);
  Handle space, how;
  state_->together([&] { space = {TATTN_H5(H5Screate, H5S_SCALAR), H5Sclose}; });
  const Handle dataset = state_->create_dataset(name, H5T_NATIVE_DOUBLE, space.get());
  state_->together([&] {
    if (state_->comm.rank() != 0) TATTN_H5(H5Sselect_none, space.get());
    how = {TATTN_H5(H5Pcreate, H5P_DATASET_XFER), H5Pclose};
    TATTN_H5(H5Pset_dxpl_mpio, how.get(), H5FD_MPIO_COLLECTIVE);
  });
  state_->together(
      [&] { TATTN_H5(H5Dwrite, dataset.get(), H5T_NATIVE_DOUBLE, space.get(), space.get(), how.get(), &shared); });
}

void ResultFile::commit() {
  state_->together([&] {
    if (state_->temporary) state_->temporary->reserve("the file", 0, state_->end + state_->header_bytes);
  });
  // Each node flushes what it holds; rank 0 alone could only flush its own node's share.
  state_->together([&] { TATTN_H5(H5Fflush, state_->file.get(), H5F_SCOPE_GLOBAL); });
  state_->together([&] { state_->file.close("H5Fclose"); });
  state_->together([&] {
    if (state_->temporary) state_->temporary->publish();
  });
}

template TransferReport ResultFile::dataset(const std::string&, const std::vector<std::int64_t>&, std::int64_t,
                                            std::int64_t, RowRange, const float*);
template TransferReport ResultFile::dataset(const std::string&, const std::vector<std::int64_t>&, std::int64_t,
                                            std::int64_t, RowRange, const double*);

template void ResultFile::dataset(const std::string&, const std::vector<std::int64_t>&, std::int64_t, std::int64_t,
                                  RowRange, const std::function<void(RowRange, float*)>&);
template void ResultFile::dataset(const std::string&, const std::vector<std::int64_t>&, std::int64_t, std::int64_t,
                                  RowRange, const std::function<void(RowRange, double*)>&);

}  // namespace tattn::io
