#include "io/checked_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "io/dataset.hpp"
#include "io/dataset_read.hpp"

namespace tattn::io {
namespace {

/// Place of the first entry that is NaN or Inf; entries.size() if there is none.
template <class T>
std::size_t first_not_finite(const std::vector<T>& entries) {
  return static_cast<std::size_t>(
      std::find_if(entries.begin(), entries.end(), [](T x) { return !std::isfinite(x); }) - entries.begin());
}

template <class T>
void check_finite(const Communicator& comm, const std::string& path, const std::string& name,
                  const DatasetShape& shape, RowRange mine, const std::vector<T>& entries) {
  const std::size_t at = first_not_finite(entries);
  const bool clean = at == entries.size();
  const std::int64_t row = clean ? std::numeric_limits<std::int64_t>::max()
                                 : mine.begin + static_cast<std::int64_t>(at) / shape.row_entries();
  const std::int64_t first = comm.min(row);
  comm.agree([&] {
    if (clean || row != first) return;
    refuse_dataset(path, name,
                   fmt::format("has {} in row {}, column {}: expected finite numbers only", entries[at],
                               format_row(shape, row), static_cast<std::int64_t>(at) % shape.row_entries()));
  });
}

}  // namespace

CheckedReader::CheckedReader(const Communicator& comm, const FileInfo& info)
    : comm_(comm), info_(info), file_(open_collective(comm, info.path, info.bytes)) {}

template <class T>
std::vector<T> CheckedReader::read(const std::string& name, std::int64_t rows, std::int64_t columns,
                                   RowRange mine) const {
  const DatasetShape shape{info_.leading, rows, columns};
  std::vector<T> entries;
  comm_.agree([&] { entries.resize(static_cast<std::size_t>(mine.size() * columns)); });
  read_dataset(comm_, file_.get(), info_.path, name, shape, mine, entries.data());
  check_finite(comm_, info_.path, name, shape, mine, entries);
  return entries;
}

template std::vector<float> CheckedReader::read(const std::string&, std::int64_t, std::int64_t, RowRange) const;
template std::vector<double> CheckedReader::read(const std::string&, std::int64_t, std::int64_t, RowRange) const;

}  // namespace tattn::io
