#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/hdf5.hpp"
#include "io/operand_file.hpp"

namespace tattn::io {

/// float32 or float64 of IEEE 754, of either byte order; nothing for any other type.
[[nodiscard]] std::optional<DType> float_type(hid_t type);

/// "int32", "string", "float16", .. for messages.
[[nodiscard]] std::string describe_type(hid_t type);
[[nodiscard]] std::string describe_type(DType dtype);

/// What one dataset claims and keeps: see describe_dataset.
struct Dataset {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> dims;

  [[nodiscard]] std::int64_t rows() const { return dims[dims.size() - 2]; }
  [[nodiscard]] std::int64_t columns() const { return dims.back(); }
  [[nodiscard]] std::vector<std::int64_t> leading() const { return {dims.begin(), dims.end() - 2}; }
};

/// Whether the file's root has a link `name`.
[[nodiscard]] bool has_link(hid_t file, const std::string& name);

/// The names in the file's root, in alphabetical order.
[[nodiscard]] std::vector<std::string> link_names(hid_t file);

/// Looks at one dataset of the open file `path` of `file_bytes` bytes, by this rank alone. Throws
/// Error(Status::input) when it is missing or no dataset, has another type than float32 or float64, fewer
/// than `least_dims` dimensions or none of a length, or claims more entries than the file can hold; so
/// memory for what it claims is never more than a whole file would justify.
[[nodiscard]] Dataset describe_dataset(const std::string& path, std::int64_t file_bytes, hid_t file,
                                       const std::string& name, std::size_t least_dims);

/// Throws Error(Status::input): "<path>: dataset '<name>' <why>".
[[noreturn]] void refuse_dataset(const std::string& path, const std::string& name, const std::string& why);

}  // namespace tattn::io
