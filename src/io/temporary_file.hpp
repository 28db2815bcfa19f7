#pragma once
#include <cstdint>
#include <string>

namespace tattn::io {

/// ".<name>.partial" in the folder of `path`.
[[nodiscard]] std::string partial_name(const std::string& path);

/// The partial file of one run, on the one rank that keeps it: created and locked by the constructor, removed
/// by the destructor unless published. The lock goes with the process, however that ends; what a killed run
/// left is replaced by a new file, so that ranks of it that still live write into nothing. Not collective.
class TemporaryFile {
 public:
  /// Throws Error(Status::usage) when `path` cannot be written or exists and `replace` is false, and
  /// Error(Status::failed) when another run is writing it.
  TemporaryFile(const std::string& path, bool replace);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Sets bytes [offset, offset + bytes) of the disk aside where the file system can, so that a full disk is
  /// found out before the collective write: MPI-IO may take a write that was cut short for a whole one. Throws
  /// Error(Status::failed).
  void reserve(const std::string& what, std::int64_t offset, std::int64_t bytes) const;

  /// Writes `text` at the end of what was written so. Throws Error(Status::failed).
  void write(const std::string& text) const;

  /// Flushes the file, gives it its name, and flushes the folder. Throws Error(Status::failed).
  void publish();

 private:
  std::string path_, partial_;
  bool replace_;
  int file_ = -1;
};

}  // namespace tattn::io
