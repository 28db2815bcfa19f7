#pragma once
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "io/hdf5.hpp"
#include "io/operand_file.hpp"

namespace tattn::io {

/// Reads the datasets of an inspected file one after the other, and refuses NaN and Inf.
class CheckedReader {
 public:
  /// Opens the file on every rank. Collective; both outlive this.
  CheckedReader(const Communicator& comm, const FileInfo& info);

  /// Flattened rows `mine` of a dataset of shape (leading.., rows, columns) and type T; the ranges of the ranks may
  /// overlap. Collective. Throws Error(Status::input), the same on every rank, that names the first row with NaN or
  /// Inf.
  template <class T>
  [[nodiscard]] std::vector<T> read(const std::string& name, std::int64_t rows, std::int64_t columns,
                                    RowRange mine) const;

 private:
  const Communicator& comm_;
  const FileInfo& info_;
  Handle file_;
};

}  // namespace tattn::io
