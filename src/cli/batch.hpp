#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/common_options.hpp"
#include "comm/communicator.hpp"
#include "service/batch_list.hpp"
#include "service/schedule.hpp"
#include "stop_signal.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {

struct BatchOptions {
  std::string list, folder;
  std::string command = "gradient";
  std::optional<int> ranks_per_file;
  CommonOptions common;

  [[nodiscard]] io::Needs needs() const {
    return command == "gradient" ? io::Needs::upstream : io::Needs::operands;
  }
};

enum class FileState { waiting, done, skipped, failed };

/// What became of one file.
struct FileOutcome {
  FileState state = FileState::waiting;
  Status exit = Status::done;
  std::string error;   ///< one line
  std::string method;  ///< empty where none was chosen
  double seconds = 0;
};

/// One input before anything is computed: failed or skipped already, or waiting with what it will take.
struct FileSurvey {
  FileOutcome outcome;
  bool replace = false;  ///< there is a result of another input or other options, or a damaged one
  service::FileWork work;
};

/// Looks at every input, each rank at its share: whether it is sound, and whether its result is there already,
/// whole and from the same bytes and options. Inputs after a signal are not looked at and keep waiting. Collective;
/// the same on every rank.
[[nodiscard]] std::vector<FileSurvey> survey_files(const Communicator& comm, const BatchOptions& options,
                                                   const std::vector<service::BatchEntry>& entries,
                                                   const StopSignal& stop);

/// Does the files of `entries`, whose output folder is there. Collective. Throws Error: Status::stopped where files
/// are left after a signal, Status::failed where some failed.
void run_batch(const Communicator& comm, const BatchOptions& options,
               const std::vector<service::BatchEntry>& entries);

}  // namespace tattn::cli
