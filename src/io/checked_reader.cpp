#include "io/checked_reader.hpp"

#include <fmt/format.h>

#include <limits>

#include "io/dataset.hpp"
#include "io/dataset_read.hpp"
#include "io/finite.hpp"

namespace tattn::io {
namespace {

template <class T>
void check_finite(const Communicator& comm, const std::string& path, const std::string& name,
                  const DatasetShape& shape, RowRange mine, const std::vector<T>& entries) {
  const auto at = static_cast<std::size_t>(first_not_finite(entries.data(), std::ssize(entries)));
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
