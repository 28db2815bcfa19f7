#include "io/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tattn/error.hpp"

namespace tattn::io {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Status::input, path + ": " + why);
}

/// "4096" of HDF5's "truncated file: eof = 1000, sblock->base_addr = 0, stored_eof = 4096".
std::string promised_size(const std::string& message) {
  static constexpr char kKey[] = "stored_eof = ";
  const std::size_t at = message.find(kKey);
  if (at == std::string::npos) return "more";
  const std::size_t begin = at + std::strlen(kKey);
  return message.substr(begin, message.find_first_not_of("0123456789", begin) - begin);
}

}  // namespace

std::int64_t check_input_file(const std::string& path, const std::string& expected) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) refuse(path, "there is no such file: expected " + expected + ", check the path");
    refuse(path, fmt::format("cannot be looked at: {}", std::strerror(errno)));
  }
  if (S_ISDIR(facts.st_mode)) refuse(path, "is a folder: expected " + expected);
  if (!S_ISREG(facts.st_mode)) refuse(path, "is not a plain file: expected " + expected);
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) refuse(path, fmt::format("cannot be opened for reading: {}", std::strerror(errno)));
  close(file);
  if (facts.st_size == 0) refuse(path, "is empty (0 bytes): expected " + expected);
  return facts.st_size;
}

Handle open_input_file(const std::string& path) {
  if (TATTN_H5(H5Fis_hdf5, path.c_str()) == 0)
    refuse(path, "is not an HDF5 file: expected one with the datasets Q, K1, V1 and so on");
  try {
    return {TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
  } catch (const Error& error) {
    const std::string message = error.what();
    if (message.find("truncated file") == std::string::npos) refuse(path, "cannot be opened: " + message);
    refuse(path, fmt::format("is truncated: {} bytes are there, but {} were written: copy or make it again",
                             check_input_file(path), promised_size(message)));
  }
}

void blame_input(const std::string& path, const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    if (error.status() != Status::failed) throw;
    refuse(path, fmt::format("cannot be read: {}: the file may be damaged, copy or make it again", error.what()));
  }
}

}  // namespace tattn::io
