#pragma once
#include <hdf5.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tattn::test {

/// One dataset to be written by plain HDF5 calls, so that files are not made by the code that reads them.
struct DatasetSpec {
  std::vector<std::int64_t> dims;
  hid_t type = H5T_IEEE_F32LE;
  std::vector<hsize_t> chunk = {};  ///< none: contiguous
  unsigned deflate = 0;
  std::map<std::int64_t, double> entries = {};  ///< by flattened place, instead of entry()
  bool written = true;
};

/// A file to be written: its datasets by name, and whatever else `extra` does to it.
struct FileSpec {
  std::map<std::string, DatasetSpec> datasets;
  std::function<void(hid_t file)> extra;

  void write(const std::string& path) const;  ///< by the calling rank alone
};

/// Entry `place` of dataset `name`: a small multiple of 1/16, the same in float and double.
[[nodiscard]] double entry(const std::string& name, std::int64_t place);

/// A valid order-2 operand file: slices (leading), n = 7, n_1 = 5, n_2 = 6, d = 4, dv = 3, with dO.
[[nodiscard]] FileSpec operand_spec(const std::vector<std::int64_t>& leading = {}, hid_t type = H5T_IEEE_F32LE);

/// A valid problem file of order 2: n = 7, n_1 = 5, n_2 = 6, a = 4, d = 3, dv = 2, in float32.
[[nodiscard]] FileSpec problem_spec();

void add_attribute(hid_t file, const std::string& name, hid_t type, const void* value, hsize_t values = 1);

}  // namespace tattn::test
