#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

using Attribute = std::variant<std::string, double, std::int64_t>;

/// A file that is whole or not there: it is written as ".<name>.partial" in the same folder, which a
/// lock keeps to one run at a time and a later run replaces; commit() flushes it to disk and renames it.
/// Destroyed without commit (an error), it removes the partial file and leaves an older `path` alone.
/// Every member is collective and throws Error(Status::failed) on every rank when it fails on any.
class ResultFile {
 public:
  /// Finds out, before any computing, whether `path` can be written: throws Error(Status::usage) when it
  /// exists and `replace` is false, or its folder is missing or not writable, or it is a folder.
  ResultFile(const Communicator& comm, const std::string& path, bool replace);
  ~ResultFile();
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;

  void attribute(const std::string& name, const Attribute& value);

  /// A dataset of shape (leading..., rows, columns); without `columns` (0) of shape (leading..., rows). This
  /// rank writes flattened rows `mine` from `data`; over the ranks they cover each row once. One collective write.
  template <class T>
  void dataset(const std::string& name, const std::vector<std::int64_t>& leading, std::int64_t rows,
               std::int64_t columns, RowRange mine, const T* data);

  void scalar(const std::string& name, double value);

  void commit();

 private:
  struct State;
  State* state_;
};

}  // namespace tattn::io
