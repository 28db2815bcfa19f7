#include "io/result_origin.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "io/attributes.hpp"
#include "io/dataset.hpp"
#include "io/input_file.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

/// Root attribute of text as ResultFile writes it; empty for anything else.
std::string read_text(hid_t file, const char* name) {
  if (TATTN_H5(H5Aexists, file, name) == 0) return "";
  const Handle attribute(TATTN_H5(H5Aopen, file, name, H5P_DEFAULT), H5Aclose);
  const Handle type(TATTN_H5(H5Aget_type, attribute.get()), H5Tclose);
  const Handle space(TATTN_H5(H5Aget_space, attribute.get()), H5Sclose);
  if (TATTN_H5(H5Tget_class, type.get()) != H5T_STRING || TATTN_H5(H5Tis_variable_str, type.get()) == 0 ||
      TATTN_H5(H5Sget_simple_extent_npoints, space.get()) != 1)
    return "";
  char* characters = nullptr;
  TATTN_H5(H5Aread, attribute.get(), type.get(), static_cast<void*>(&characters));
  const std::string text = characters == nullptr ? "" : characters;
  H5free_memory(characters);
  return text;
}

/// Throws Error when a dataset is not complete, or there is no output.
void check_datasets(const std::string& path, hid_t file, std::int64_t bytes) {
  const auto names = link_names(file);
  if (std::find(names.begin(), names.end(), "O") == names.end()) refuse_dataset(path, "O", "is missing");
  for (const std::string& name : names) static_cast<void>(describe_dataset(path, bytes, file, name, 0));
}

ResultOrigin read_whole(const std::string& path) {
  ResultOrigin origin;
  const std::int64_t bytes = check_input_file(path);
  const Handle file = open_input_file(path);
  if (read_text(file.get(), "tattn_version").empty())
    return {ResultOrigin::Kind::foreign, "", "", "", "", 0, false};
  check_datasets(path, file.get(), bytes);
  origin.kind = ResultOrigin::Kind::whole;
  origin.command = read_text(file.get(), "command");
  origin.options = read_text(file.get(), "options");
  origin.method = read_text(file.get(), "method");
  origin.source_digest = read_text(file.get(), "source_digest");
  origin.scale = read_scale(path, file.get()).value_or(0);
  origin.causal = read_causal(path, file.get()).value_or(false);
  return origin;
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
    return read_whole(path);
  } catch (const Error&) {
    origin.kind = ResultOrigin::Kind::damaged;
    return origin;
  }
}

}  // namespace tattn::io
