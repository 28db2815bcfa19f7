#include "training/checkpoint.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <type_traits>

#include "digest.hpp"
#include "io/input_file.hpp"
#include "io/temporary_file.hpp"
#include "tattn/error.hpp"
#include "training/checkpoint_archive.hpp"

namespace tattn::training {
namespace {

constexpr std::array<char, 8> kMagic = {'T', 'A', 'T', 'T', 'N', 'C', 'K', 'P'};
constexpr std::uint32_t kByteOrder = 0x01020304;

constexpr char kExpected[] = "a file that tattn train wrote for --checkpoint";

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kCheckpointVersion, byte_order = kByteOrder;
  std::uint64_t bytes = 0, digest = 0;
};
static_assert(std::is_trivially_copyable_v<Header> && sizeof(Header) == 32);

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Status::input, path + ": " + why);
}

[[noreturn]] void refuse_damaged(const std::string& path, const std::string& what) {
  refuse(path, fmt::format("is a damaged checkpoint: {}; if there is {}, use that", what, previous_name(path)));
}

/// The header that a file of `size` bytes begins with, once it fits that file.
Header header_of(const std::string& path, const std::string& begin, std::uint64_t size) {
  Header header;
  if (begin.size() < sizeof(header) || std::memcmp(begin.data(), kMagic.data(), kMagic.size()) != 0)
    refuse(path, fmt::format("is no checkpoint: expected {}", kExpected));
  std::memcpy(&header, begin.data(), sizeof(header));
  if (header.byte_order != kByteOrder) refuse_damaged(path, "its byte order is not this machine's");
  if (header.version > kCheckpointVersion)
    refuse(path, fmt::format("is a checkpoint of version {}, but this program reads up to {}: use the program that "
                             "wrote it",
                             header.version, kCheckpointVersion));
  if (header.version == 0) refuse_damaged(path, "there is no version 0");
  const std::uint64_t behind = size - sizeof(Header);
  if (header.bytes != behind)
    refuse_damaged(path, fmt::format("{} bytes follow its header, expected {}", behind, header.bytes));
  return header;
}

/// All of a file, if it is a checkpoint by its header: another one may be too large to read.
std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  std::string bytes(
      std::min<std::size_t>(sizeof(Header), static_cast<std::size_t>(std::max<std::streamoff>(size, 0))), '\0');
  file.seekg(0).read(bytes.data(), std::ssize(bytes));
  if (!file) refuse(path, "cannot be read");
  static_cast<void>(header_of(path, bytes, static_cast<std::uint64_t>(size)));
  bytes.resize(static_cast<std::size_t>(size));
  file.seekg(0).read(bytes.data(), std::ssize(bytes));
  if (!file) refuse(path, "cannot be read");
  return bytes;
}

/// Gives the file a second name first, so that `path` is there all the time.
void keep_previous(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return;
  const std::string previous = previous_name(path), partial = io::partial_name(previous);
  std::remove(partial.c_str());
  const bool linked = link(path.c_str(), partial.c_str()) == 0;  // some file systems have no links
  if (std::rename(linked ? partial.c_str() : path.c_str(), previous.c_str()) != 0)
    throw Error(Status::failed, fmt::format("{}: cannot be renamed into: {}", previous, std::strerror(errno)));
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  const std::string archive = pack(checkpoint);
  Header header;
  header.bytes = archive.size();
  header.digest = digest(archive.data(), archive.size());
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + archive;
}

Checkpoint decode(const std::string& path, const std::string& bytes) {
  const Header header = header_of(path, bytes, bytes.size());
  if (digest(bytes.data() + sizeof(header), header.bytes) != header.digest)
    refuse_damaged(path, "its contents do not have the digest in its header");
  try {
    return unpack<Checkpoint>(bytes.substr(sizeof(header)));
  } catch (
      const std::exception& error) {  // of an archive that is whole: another kind of machine or library wrote it
    refuse(path, fmt::format("is a checkpoint that cannot be read here: {}", error.what()));
  }
}

std::string previous_name(const std::string& path) {
  return path + ".previous";
}

void save(const Communicator& comm, const std::string& path, const Checkpoint& checkpoint) {
  comm.agree([&] {
    if (comm.rank() != 0) return;
    io::TemporaryFile file(path, true);
    const std::string bytes = encode(checkpoint);
    file.reserve("the checkpoint", 0, static_cast<std::int64_t>(bytes.size()));
    file.write(bytes);
    keep_previous(path);
    file.publish();
  });
}

Checkpoint load(const Communicator& comm, const std::string& path) {
  std::string bytes;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    io::check_input_file(path, kExpected);
    bytes = read_bytes(path);
    static_cast<void>(decode(path, bytes));  // what is wrong is told before it is sent
  });
  bytes = comm.broadcast(bytes);
  Checkpoint checkpoint;
  comm.agree([&] { checkpoint = decode(path, bytes); });
  return checkpoint;
}

}  // namespace tattn::training
