#include "io/attributes.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/dataset.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

[[noreturn]] void refuse(const std::string& path, const char* name, const std::string& why) {
  throw Error(Status::input, fmt::format("{}: attribute '{}' {}", path, name, why));
}

struct Opened {
  Handle attribute, type;
};

/// The attribute and its type, if it is there; refuses more or less than one value.
std::optional<Opened> open_attribute(const std::string& path, hid_t file, const char* name) {
  if (TATTN_H5(H5Aexists, file, name) == 0) return std::nullopt;
  Opened opened;
  opened.attribute = {TATTN_H5(H5Aopen, file, name, H5P_DEFAULT), H5Aclose};
  opened.type = {TATTN_H5(H5Aget_type, opened.attribute.get()), H5Tclose};
  const Handle space(TATTN_H5(H5Aget_space, opened.attribute.get()), H5Sclose);
  const hssize_t values = TATTN_H5(H5Sget_simple_extent_npoints, space.get());
  if (values != 1) refuse(path, name, fmt::format("has {} values, expected one", values));
  return opened;
}

}  // namespace

std::optional<double> read_scale(const std::string& path, hid_t file) {
  constexpr char kName[] = "scale";
  const auto opened = open_attribute(path, file, kName);
  if (!opened) return std::nullopt;
  const H5T_class_t kind = TATTN_H5(H5Tget_class, opened->type.get());
  if (kind != H5T_FLOAT && kind != H5T_INTEGER)  // 1 in Python is an integer
    refuse(path, kName, fmt::format("is of type {}, expected a number", describe_type(opened->type.get())));
  double scale = 0;
  TATTN_H5(H5Aread, opened->attribute.get(), H5T_NATIVE_DOUBLE, &scale);
  if (!std::isfinite(scale)) refuse(path, kName, fmt::format("is {}, expected a finite number", scale));
  return scale;
}

std::optional<bool> read_causal(const std::string& path, hid_t file) {
  constexpr char kName[] = "causal";
  const auto opened = open_attribute(path, file, kName);
  if (!opened) return std::nullopt;
  const H5T_class_t kind = TATTN_H5(H5Tget_class, opened->type.get());
  if (kind != H5T_INTEGER && kind != H5T_ENUM)  // h5py stores True as an enumeration
    refuse(path, kName,
           fmt::format("is of type {}, expected an integer, 0 or 1", describe_type(opened->type.get())));
  std::int64_t causal = 0;
  TATTN_H5(H5Aread, opened->attribute.get(), H5T_NATIVE_INT64, &causal);
  if (causal != 0 && causal != 1) refuse(path, kName, fmt::format("is {}, expected 0 or 1", causal));
  return causal == 1;
}

}  // namespace tattn::io
