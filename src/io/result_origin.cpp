#include "io/result_origin.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "io/dataset.hpp"
#include "io/input_file.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

constexpr std::size_t kMostCharacters = 4096;

/// Root attribute of PlainText; empty for anything else.
std::string read_plain_text(hid_t file, const char* name) {
  if (TATTN_H5(H5Aexists, file, name) == 0) return "";
  const Handle attribute(TATTN_H5(H5Aopen, file, name, H5P_DEFAULT), H5Aclose);
  const Handle type(TATTN_H5(H5Aget_type, attribute.get()), H5Tclose);
  const Handle space(TATTN_H5(H5Aget_space, attribute.get()), H5Sclose);
  const std::size_t size = TATTN_H5(H5Tget_size, type.get());
  if (TATTN_H5(H5Tget_class, type.get()) != H5T_STRING || TATTN_H5(H5Tis_variable_str, type.get()) > 0 ||
      TATTN_H5(H5Sget_simple_extent_npoints, space.get()) != 1 || size > kMostCharacters)
    return "";
  std::string text(size, '\0');
  TATTN_H5(H5Aread, attribute.get(), type.get(), text.data());
  return text.substr(0, text.find('\0'));
}

/// Throws Error when a dataset is not complete, or there is no output.
void check_datasets(const std::string& path, hid_t file, std::int64_t bytes) {
  const auto names = link_names(file);
  if (std::find(names.begin(), names.end(), "O") == names.end()) refuse_dataset(path, "O", "is missing");
  for (const std::string& name : names) static_cast<void>(describe_dataset(path, bytes, file, name, 0));
}

ResultOrigin read_result(const std::string& path) {
  const std::int64_t bytes = check_input_file(path);
  const Handle file = open_input_file(path);
  if (TATTN_H5(H5Aexists, file.get(), "tattn_version") == 0) return {ResultOrigin::Kind::foreign, ""};
  check_datasets(path, file.get(), bytes);
  return {ResultOrigin::Kind::whole, read_plain_text(file.get(), "request")};
}

}  // namespace

ResultOrigin read_origin(const std::string& path) {
  ResultOrigin origin;
  std::error_code ignored;
  const auto status = std::filesystem::symlink_status(path, ignored);
  if (!std::filesystem::exists(status)) return origin;
  origin.kind = ResultOrigin::Kind::foreign;
  const QuietHdf5 quiet;
  if (!std::filesystem::is_regular_file(path, ignored) || H5Fis_hdf5(path.c_str()) <= 0) return origin;
  try {
    return read_result(path);
  } catch (const Error&) {
    origin.kind = ResultOrigin::Kind::damaged;
    return origin;
  }
}

}  // namespace tattn::io
