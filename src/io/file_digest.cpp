#include "io/file_digest.hpp"

#include <fmt/format.h>

#include <fstream>
#include <vector>

#include "digest.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

constexpr std::int64_t kBlockBytes = std::int64_t{4} << 20;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

std::uint64_t hash_share(const Communicator& comm, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(Status::input, fmt::format("{}: cannot be opened for reading", path));
  std::uint64_t total = 0;
  std::vector<char> block(static_cast<std::size_t>(kBlockBytes));
  for (std::int64_t number = comm.rank();; number += comm.size()) {
    file.seekg(number * kBlockBytes);
    file.read(block.data(), kBlockBytes);
    if (file.bad()) throw Error(Status::input, fmt::format("{}: reading failed", path));
    const auto bytes = static_cast<std::size_t>(file.gcount());
    if (bytes == 0) return total;
    total += mix(digest(block.data(), bytes) + static_cast<std::uint64_t>(number));
    file.clear();
  }
}

}  // namespace

std::string file_digest(const Communicator& comm, const std::string& path) {
  std::uint64_t mine = 0;
  comm.agree([&] { mine = hash_share(comm, path); });
  std::uint64_t total = 0;
  for (const std::int64_t part : comm.gather_all(static_cast<std::int64_t>(mine)))
    total += static_cast<std::uint64_t>(part);
  return fmt::format("{:016x}", total);
}

}  // namespace tattn::io
