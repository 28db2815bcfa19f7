#include "cli/paths.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "io/temporary_file.hpp"
#include "tattn/error.hpp"

namespace fs = std::filesystem;

namespace tattn::cli {
namespace {

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code ignored;  // equivalent() fails for files that are not there yet; their names still tell
  const auto name = [&](const fs::path& path) { return fs::weakly_canonical(fs::absolute(path), ignored); };
  return fs::equivalent(a, b, ignored) || name(a) == name(b);
}

/// The signature of HDF5, where a file without a user block has it.
bool begins_as_hdf5(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;  // reading a pipe would take what is for others
  static constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::string begin(kSignature.size(), '\0');
  std::ifstream(path, std::ios::binary).read(begin.data(), std::ssize(begin));
  return begin == kSignature;
}

/// File system calls of rank 0 stand for all: ranks on other nodes may see a shared file later.
template <class Step>
void on_rank_0(const Communicator& comm, const Step& step) {
  comm.agree([&] {
    if (comm.rank() == 0) step();
  });
}

/// Device, inode, size, and the seconds and nanoseconds of the last writing; zeros where there is none.
auto facts_of(const std::string& path) {
  struct stat facts {};
  static_cast<void>(stat(path.c_str(), &facts));
  return std::tuple{std::uint64_t{facts.st_dev}, std::uint64_t{facts.st_ino}, std::int64_t{facts.st_size},
                    std::int64_t{facts.st_mtim.tv_sec}, std::int64_t{facts.st_mtim.tv_nsec}};
}

}  // namespace

InputWatch::InputWatch(const Communicator& comm, const std::string& path) : path_(path) {
  if (comm.rank() == 0) seen_ = facts_of(path);
}

void InputWatch::check(const Communicator& comm) const {
  on_rank_0(comm, [&] {
    if (facts_of(path_) != seen_)
      throw Error(Status::failed, path_ + ": was replaced or written while it was computed: run again");
  });
}

void check_different(const Communicator& comm, const std::string& input, const std::string& output) {
  on_rank_0(comm, [&] {
    if (same_file(input, output))
      throw Error(Status::usage, fmt::format("{}: is the same file as {}: name another file", output, input));
  });
}

void check_report(const Communicator& comm, const std::string& path, const std::vector<std::string>& others) {
  if (path.empty()) return;
  for (const std::string& other : others)
    if (!other.empty()) check_different(comm, other, path);
  on_rank_0(comm, [&] {
    const fs::path folder = folder_of(path);
    std::error_code ignored;
    if (fs::is_directory(path, ignored))
      throw Error(Status::usage, fmt::format("{}: is a folder: name a file", path));
    if (begins_as_hdf5(path))
      throw Error(Status::usage,
                  fmt::format("{}: is an HDF5 file, which text would destroy: name another file", path));
    if (!fs::is_directory(folder, ignored))
      throw Error(Status::usage,
                  fmt::format("{}: folder {} does not exist: create it first", path, folder.string()));
    if (access(folder.c_str(), W_OK) != 0)
      throw Error(Status::usage, fmt::format("{}: no permission to write into folder {}", path, folder.string()));
  });
}

void refuse_existing(const Communicator& comm, const std::string& path, bool replace, const std::string& advice) {
  on_rank_0(comm, [&] {
    if (path.empty() || replace || !fs::exists(path)) return;
    throw Error(Status::usage, fmt::format("{}: exists: add --force to replace it, or {}", path, advice));
  });
}

void write_text(const Communicator& comm, const std::string& path, const std::string& text) {
  on_rank_0(comm, [&] {
    io::TemporaryFile file(path, true);
    file.write(text);
    file.publish();
  });
}

}  // namespace tattn::cli
