#include "io/dataset.hpp"

#include <fmt/format.h>

#include "io/dataset_shape.hpp"
#include "io/storage.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

herr_t collect_name(hid_t /*group*/, const char* name, const H5L_info_t* /*info*/, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

bool same_type(hid_t a, hid_t b) {
  return TATTN_H5(H5Tequal, a, b) > 0;
}

std::vector<std::int64_t> dims_of(const std::string& path, const std::string& name, hid_t dataset) {
  const Handle space(TATTN_H5(H5Dget_space, dataset), H5Sclose);
  if (TATTN_H5(H5Sget_simple_extent_type, space.get()) == H5S_NULL)
    refuse_dataset(path, name, "has no shape and no entries: expected (..., rows, columns)");
  const int rank = TATTN_H5(H5Sget_simple_extent_ndims, space.get());
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  TATTN_H5(H5Sget_simple_extent_dims, space.get(), extent.data(), nullptr);
  return {extent.begin(), extent.end()};
}

void check_dims(const std::string& path, const Dataset& dataset, std::size_t least_dims) {
  const std::string shape = format_dims(dataset.dims);
  if (dataset.dims.size() < least_dims)
    refuse_dataset(
        path, dataset.name,
        fmt::format("has shape {}, {} dimension{}: expected at least {}, (..., {})", shape, dataset.dims.size(),
                    dataset.dims.size() == 1 ? "" : "s", least_dims, least_dims == 2 ? "rows, columns" : "rows"));
  for (std::size_t axis = 0; axis < dataset.dims.size(); ++axis) {
    if (dataset.dims[axis] > 0) continue;
    const std::size_t from_end = dataset.dims.size() - axis;
    const char* what = from_end == 1 && least_dims == 2 ? "columns" : from_end <= least_dims ? "rows" : "slices";
    refuse_dataset(path, dataset.name, fmt::format("has shape {}, no {}: expected at least 1", shape, what));
  }
}

DType type_of(const std::string& path, const std::string& name, hid_t dataset) {
  const Handle type(TATTN_H5(H5Dget_type, dataset), H5Tclose);
  const std::optional<DType> dtype = float_type(type.get());
  if (!dtype)
    refuse_dataset(
        path, name,
        fmt::format("is of type {}, expected float32 or float64: convert it", describe_type(type.get())));
  return *dtype;
}

std::string describe_object(H5I_type_t type) {
  return type == H5I_GROUP ? "a group" : type == H5I_DATATYPE ? "a named type" : "an object of another kind";
}

void check_is_dataset(const std::string& path, hid_t file, const std::string& name) {
  if (!has_link(file, name)) refuse_dataset(path, name, "is missing");
  if (TATTN_H5(H5Oexists_by_name, file, name.c_str(), H5P_DEFAULT) == 0)
    refuse_dataset(path, name, "is a link that leads nowhere: expected a dataset");
  const Handle object(TATTN_H5(H5Oopen, file, name.c_str(), H5P_DEFAULT), H5Oclose);
  const H5I_type_t type = TATTN_H5(H5Iget_type, object.get());
  if (type != H5I_DATASET)
    throw Error(Status::input,
                fmt::format("{}: '{}' is {}: expected a dataset", path, name, describe_object(type)));
}

}  // namespace

void refuse_dataset(const std::string& path, const std::string& name, const std::string& why) {
  throw Error(Status::input, fmt::format("{}: dataset '{}' {}", path, name, why));
}

std::optional<DType> float_type(hid_t type) {
  if (same_type(type, H5T_IEEE_F32LE) || same_type(type, H5T_IEEE_F32BE)) return DType::f32;
  if (same_type(type, H5T_IEEE_F64LE) || same_type(type, H5T_IEEE_F64BE)) return DType::f64;
  return std::nullopt;
}

std::string describe_type(DType dtype) {
  return dtype == DType::f32 ? "float32" : "float64";
}

std::string describe_type(hid_t type) {
  const std::size_t bits = 8 * TATTN_H5(H5Tget_size, type);
  switch (TATTN_H5(H5Tget_class, type)) {
    case H5T_INTEGER:
      return fmt::format("{}int{}", TATTN_H5(H5Tget_sign, type) == H5T_SGN_NONE ? "u" : "", bits);
    case H5T_FLOAT:
      return fmt::format("{}float{}", (bits == 32 || bits == 64) && !float_type(type) ? "non-IEEE " : "", bits);
    case H5T_STRING:
      return "string";
    case H5T_COMPOUND:
      return "compound (complex numbers are such)";
    case H5T_ENUM:
      return "enumeration (truth values are such)";
    default:
      return "neither number nor string";
  }
}

std::vector<std::string> link_names(hid_t file) {
  std::vector<std::string> names;
  TATTN_H5(H5Literate, file, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_name, &names);
  return names;
}

bool has_link(hid_t file, const std::string& name) {
  return TATTN_H5(H5Lexists, file, name.c_str(), H5P_DEFAULT) > 0;
}

Dataset describe_dataset(const std::string& path, std::int64_t file_bytes, hid_t file, const std::string& name,
                         std::size_t least_dims) {
  check_is_dataset(path, file, name);
  const Handle opened(TATTN_H5(H5Dopen2, file, name.c_str(), H5P_DEFAULT), H5Dclose);
  Dataset dataset{name, type_of(path, name, opened.get()), dims_of(path, name, opened.get())};
  check_dims(path, dataset, least_dims);
  check_storage(path, file_bytes, dataset, opened.get());
  return dataset;
}

}  // namespace tattn::io
