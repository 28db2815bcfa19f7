#pragma once
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "training/train_state.hpp"

namespace tattn::cli {

/// The file of --history: a JSON object a line for the start and for every step, and one for each new plan, which
/// has "replan", the reason, too. Lines reach the file as they are made. Members are collective.
class History {
 public:
  /// Begins a new file, or, for a run resumed after step `resumed`, goes on behind the lines up to that step.
  /// Nothing is written without a `path`. Throws Error(Status::failed), the same on every rank, when it cannot be
  /// written.
  History(const Communicator& comm, const std::string& path, std::optional<std::int64_t> resumed);

  void add(const training::TrainState& state, const std::string& replan = "");

 private:
  const Communicator& comm_;
  std::string path_;
  std::ofstream file_;  ///< on rank 0
};

}  // namespace tattn::cli
