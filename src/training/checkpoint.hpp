#pragma once
#include <cstdint>
#include <string>

#include "comm/communicator.hpp"
#include "training/train_state.hpp"

namespace tattn::training {

/// What is kept of a run in a file.
struct Checkpoint {
  TrainSettings settings;
  std::string problem_digest;  ///< of the problem file
  TrainState state;
};

inline constexpr std::uint32_t kCheckpointVersion = 2;

/// The file: a header, then a Boost.Serialization binary archive of the checkpoint.
///
///     magic (8 bytes)   version (4)   byte order (4)   bytes of the archive (8)   their digest (8)
[[nodiscard]] std::string encode(const Checkpoint& checkpoint);

/// The checkpoint in `bytes`, the contents of `path`. The header is checked against the contents before anything of
/// the archive is read. Throws Error(Status::input) for what is no checkpoint, is damaged, or of a newer version.
[[nodiscard]] Checkpoint decode(const std::string& path, const std::string& bytes);

/// "<path>.previous"
[[nodiscard]] std::string previous_name(const std::string& path);

/// Writes `path` on rank 0 as a temporary file that is flushed and renamed; what was there before becomes
/// previous_name(path). At every moment `path`, once there, is whole. Collective. Throws Error(Status::failed), or
/// Error(Status::usage) where the name cannot be written, the same on every rank.
void save(const Communicator& comm, const std::string& path, const Checkpoint& checkpoint);

/// Reads `path` on rank 0 and gives it to every rank. Collective. Throws as decode, and Error(Status::input) when
/// the file cannot be read, the same on every rank.
[[nodiscard]] Checkpoint load(const Communicator& comm, const std::string& path);

}  // namespace tattn::training
