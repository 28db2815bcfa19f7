#pragma once
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn::cli {

/// Notices when an input is replaced or written while it is read: what rank 0 sees of it, then and later.
class InputWatch {
 public:
  InputWatch(const Communicator& comm, const std::string& path);

  /// Throws Error(Status::failed) when it is no longer as it was. Collective.
  void check(const Communicator& comm) const;

 private:
  std::string path_;
  std::tuple<std::uint64_t, std::uint64_t, std::int64_t, std::int64_t, std::int64_t> seen_{};
};

/// Throws Error(Status::usage) when `output` is the same file as `input`, also through links. Collective.
void check_different(const Communicator& comm, const std::string& input, const std::string& output);

/// Whether the report, or another text file, can be written: throws Error(Status::usage) when it is one of
/// `others`, is a folder or an HDF5 file, or its folder is missing or not writable. Names that are empty do not
/// count. Collective.
void check_report(const Communicator& comm, const std::string& report, const std::vector<std::string>& others);

/// Throws Error(Status::usage) when `path` exists, unless it may be replaced; `advice` is what else can be done.
/// Nothing when `path` is empty. Collective.
void refuse_existing(const Communicator& comm, const std::string& path, bool replace,
                     const std::string& advice = "give another name");

/// Writes `text` to `path` on rank 0 as io::TemporaryFile does: whole and flushed, or not at all. Collective.
void write_text(const Communicator& comm, const std::string& path, const std::string& text);

}  // namespace tattn::cli
