#include "io/temporary_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tattn/error.hpp"

namespace tattn::io {
namespace {

constexpr int kAttempts = 100;  // each lost to another run that renamed or removed the file under our hands

[[noreturn]] void refuse(Status status, const std::string& path, const std::string& why) {
  throw Error(status, path + ": " + why);
}

/// Folder with a trailing slash (empty for the working folder) and the name in it.
std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::pair{std::string(), path}
                                    : std::pair{path.substr(0, slash + 1), path.substr(slash + 1)};
}

std::string folder_of(const std::string& path) {
  const std::string folder = split(path).first;
  return folder.empty() ? "." : folder;
}

void check_target(const std::string& path, bool replace) {
  const std::string name = split(path).second;
  if (name.empty() || name == "." || name == "..") refuse(Status::usage, path, "is a folder: expected a file name");
  struct stat facts {};
  const bool exists = lstat(path.c_str(), &facts) == 0;
  if (exists && stat(path.c_str(), &facts) == 0) {  // what a link leads to
    if (S_ISDIR(facts.st_mode)) refuse(Status::usage, path, "is a folder: expected a file name");
    if (!S_ISREG(facts.st_mode)) refuse(Status::usage, path, "is not a plain file: expected a name for a new file");
  }
  if (exists && !replace) refuse(Status::usage, path, "exists: add --force to replace it, or give another name");
  const std::string folder = folder_of(path);
  if (stat(folder.c_str(), &facts) != 0)
    refuse(Status::usage, path, fmt::format("its folder '{}' cannot be used: {}", folder, std::strerror(errno)));
  if (!S_ISDIR(facts.st_mode)) refuse(Status::usage, path, fmt::format("'{}' is not a folder", folder));
  if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    refuse(Status::usage, path, fmt::format("its folder '{}' is not writable: {}", folder, std::strerror(errno)));
}

/// ENOENT where the folder is there: a file system like /proc, which takes no new files.
bool about_the_name(int error) {
  return error == ENOENT || error == EACCES || error == EPERM || error == EROFS || error == ENAMETOOLONG ||
         error == ENOTDIR || error == ELOOP || error == EISDIR || error == EINVAL;
}

/// Whether `file` is still what `name` names.
bool still_named(int file, const std::string& name) {
  struct stat open_one {
  }, named{};
  return fstat(file, &open_one) == 0 && lstat(name.c_str(), &named) == 0 && open_one.st_ino == named.st_ino &&
         open_one.st_dev == named.st_dev;
}

void lock(const std::string& path, int file) {
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK)
    refuse(Status::failed, path, "is being written by another run: wait for it, or give another name");
  // Some network file systems have no locks; results are more use there than a refusal.
  if (errno != ENOSYS && errno != EOPNOTSUPP && errno != ENOLCK)
    refuse(Status::failed, path, fmt::format("its partial file cannot be locked: {}", std::strerror(errno)));
}

/// Opens, or creates where there is none; -1 when it changed in between.
int open_partial(const std::string& path, const std::string& partial, bool& created) {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  created = true;
  int file = open(partial.c_str(), kFlags | O_CREAT | O_EXCL, 0666);
  if (file < 0 && errno == EEXIST) {
    created = false;
    file = open(partial.c_str(), kFlags);
    if (file < 0 && errno == ENOENT) return -1;
  }
  if (file < 0)
    refuse(about_the_name(errno) ? Status::usage : Status::failed, path,
           fmt::format("cannot be written: '{}': {}", partial, std::strerror(errno)));
  return file;
}

/// A partial file that is new, ours, and locked.
int claim_partial(const std::string& path, const std::string& partial) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool created = false;
    const int file = open_partial(path, partial, created);
    if (file < 0) continue;
    try {
      lock(path, file);
    } catch (...) {
      close(file);
      throw;
    }
    const bool named = still_named(file, partial);
    if (named && created) return file;
    if (named) unlink(partial.c_str());  // left by a run that is dead: nobody holds its lock
    close(file);
  }
  refuse(Status::failed, path, "is being written by other runs: give another name");
}

void flush_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool flushed = file >= 0 && (fsync(file) == 0 || errno == EINVAL);  // EINVAL: it keeps no such promise
  const int error = errno;
  if (file >= 0) close(file);
  if (!flushed) refuse(Status::failed, path, fmt::format("its folder cannot be flushed: {}", std::strerror(error)));
}

}  // namespace

std::string partial_name(const std::string& path) {
  const auto [folder, name] = split(path);
  return folder + "." + name + ".partial";
}

TemporaryFile::TemporaryFile(const std::string& path, bool replace)
    : path_(path), partial_(partial_name(path)), replace_(replace) {
  check_target(path, replace);
  file_ = claim_partial(path, partial_);
}

TemporaryFile::~TemporaryFile() {
  if (file_ < 0) return;
  if (still_named(file_, partial_)) unlink(partial_.c_str());
  close(file_);
}

void TemporaryFile::reserve(const std::string& what, std::int64_t offset, std::int64_t bytes) const {
  if (bytes == 0) return;
  rlimit largest{};
  if (getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur != RLIM_INFINITY &&
      static_cast<rlim_t>(offset + bytes) > largest.rlim_cur)
    refuse(Status::failed, path_,
           fmt::format("{} would end at byte {}, but a file of this process may have {} at "
                       "most: raise the limit (ulimit -f)",
                       what, offset + bytes, largest.rlim_cur));
  if (fallocate(file_, FALLOC_FL_KEEP_SIZE, offset, bytes) == 0) return;
  const int error = errno;
  struct statvfs disk {};
  if (fstatvfs(file_, &disk) != 0) return;
  const auto free = static_cast<std::uint64_t>(disk.f_bavail) * static_cast<std::uint64_t>(disk.f_frsize);
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  if (!full && free >= static_cast<std::uint64_t>(bytes)) return;  // it cannot set aside, but there is room
  refuse(Status::failed, path_,
         fmt::format("{} needs {} bytes, but {} are free on its disk{}: make room, or write "
                     "elsewhere",
                     what, bytes, free, full ? fmt::format(" ({})", std::strerror(error)) : std::string()));
}

void TemporaryFile::write(const std::string& text) const {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t some = ::write(file_, text.data() + written, text.size() - written);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) refuse(Status::failed, path_, fmt::format("cannot be written: {}", std::strerror(errno)));
    written += static_cast<std::size_t>(some);
  }
}

void TemporaryFile::publish() {
  if (!still_named(file_, partial_))
    refuse(Status::failed, path_, fmt::format("somebody removed or replaced '{}': run again", partial_));
  if (fsync(file_) != 0) refuse(Status::failed, path_, fmt::format("cannot be flushed: {}", std::strerror(errno)));
  int failed = renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), replace_ ? 0 : RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {  // a file system that cannot promise not to replace
    if (!replace_ && access(path_.c_str(), F_OK) == 0)
      refuse(Status::failed, path_, "exists: add --force to replace it");
    failed = std::rename(partial_.c_str(), path_.c_str());
  }
  if (failed != 0)
    refuse(Status::failed, path_,
           errno == EEXIST ? "was made by somebody else meanwhile: give another name"
                           : fmt::format("cannot be renamed into: {}", std::strerror(errno)));
  close(std::exchange(file_, -1));
  flush_folder(path_);
}

}  // namespace tattn::io
