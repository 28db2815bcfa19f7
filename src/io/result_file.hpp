#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "comm/communicator.hpp"
#include "io/transfer_report.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

/// Text that lies in the attribute itself and not in the file's heap, so that it can be read from a damaged file
/// without harm. h5py gives bytes for it.
struct PlainText {
  std::string text;
};

using Attribute = std::variant<std::string, double, std::int64_t, PlainText>;

/// A file that is whole or not there: it is written as ".<name>.partial" in the same folder, which a
/// lock keeps to one run at a time and a later run replaces; commit() flushes it to disk and renames it.
/// Destroyed without commit (an error), it removes the partial file and leaves an older `path` alone.
/// The bytes depend on what is written only, not on the number of ranks or the time.
/// Every member is collective and throws Error(Status::failed) on every rank when it fails on any.
class ResultFile {
 public:
  /// Finds out, before any computing, whether `path` can be written: throws Error(Status::usage) when it
  /// exists and `replace` is false, or its folder is missing or not writable, or it is a folder; and
  /// Error(Status::failed) when another run is writing it. `comm` must outlive this.
  ResultFile(const Communicator& comm, const std::string& path, bool replace);
  ~ResultFile();
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  /// Attribute of the root; rank 0's value counts.
  void attribute(const std::string& name, const Attribute& value);

  /// A dataset of shape (leading..., rows, columns); without `columns` (0) of shape (leading..., rows). This
  /// rank writes flattened rows `mine` from `data` (the caller's, may be null where `mine` is empty); over the
  /// ranks they cover each row once. Collective writes: read_block says how many.
  template <class T>
  TransferReport dataset(const std::string& name, const std::vector<std::int64_t>& leading, std::int64_t rows,
                         std::int64_t columns, RowRange mine, const T* data);

  /// The same for rows made as they are written: fill(part, to) puts flattened rows `part` of `mine` at `to`, a
  /// block of at most 64 MiB at a time. `fill` must not communicate.
  template <class T>
  void dataset(const std::string& name, const std::vector<std::int64_t>& leading, std::int64_t rows,
               std::int64_t columns, RowRange mine, const std::function<void(RowRange part, T* to)>& fill);

  /// A float64 dataset of one entry and no dimensions; rank 0's value counts.
  void scalar(const std::string& name, double value);

  /// Closes, flushes and renames. Nothing else may be called afterwards.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tattn::io
