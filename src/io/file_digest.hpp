#pragma once
#include <cstdint>
#include <string>

#include "comm/communicator.hpp"

namespace tattn::io {

/// A fingerprint of the bytes of a file as 16 hexadecimal digits, to tell whether a result belongs to
/// an input; it does not guard against forgery. Blocks of 4 MiB are hashed by FNV-1a over 8-byte words,
/// shared by the ranks, and the sum over block of mix(hash + block number) does not depend on how many
/// ranks there are. Each rank reads its share with plain file reads. Collective; throws
/// Error(Status::input), the same on every rank, when the file cannot be read.
[[nodiscard]] std::string file_digest(const Communicator& comm, const std::string& path);

}  // namespace tattn::io
