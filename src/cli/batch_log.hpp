#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/batch.hpp"
#include "service/batch_list.hpp"

namespace tattn::cli {

/// {"status", "exit", "error", "seconds", "method"}, null where nothing is to be said, and back.
[[nodiscard]] nlohmann::ordered_json outcome_json(const FileOutcome& outcome);
[[nodiscard]] FileOutcome outcome_of(const nlohmann::json& json);

/// JSON on one line; bytes that are no UTF-8, which a path may have, are replaced.
template <class Json>
[[nodiscard]] std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// OUTDIR/batch.jsonl: a line a file, each on the disk before append() returns. One batch at a time has it. What a
/// killed run left of a line is ended, so that the next line is whole. By one rank.
class BatchLog {
 public:
  /// Throws Error(Status::usage) when it cannot be opened and Error(Status::failed) when another batch has it.
  explicit BatchLog(const std::string& folder);
  ~BatchLog();
  BatchLog(const BatchLog&) = delete;
  BatchLog& operator=(const BatchLog&) = delete;

  /// Does not throw: that a line is lost does not stop the work.
  void append(const service::BatchEntry& entry, const FileOutcome& outcome);

  /// Throws Error(Status::failed) when a line was lost.
  void check() const;

 private:
  std::string path_, failure_;
  int file_ = -1;
};

}  // namespace tattn::cli
