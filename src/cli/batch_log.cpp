#include "cli/batch_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 4> kStates = {"waiting", "done", "skipped", "failed"};

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string text_of(const nlohmann::json& json) {
  return json.is_null() ? std::string() : json.get<std::string>();
}

}  // namespace

Json outcome_json(const FileOutcome& outcome) {
  return {{"status", kStates[static_cast<std::size_t>(outcome.state)]},
          {"exit", static_cast<int>(outcome.exit)},
          {"error", or_null(outcome.error)},
          {"seconds", outcome.seconds},
          {"method", or_null(outcome.method)}};
}

FileOutcome outcome_of(const nlohmann::json& json) {
  FileOutcome outcome;
  const auto state = json.at("status").get<std::string>();
  for (std::size_t s = 0; s < kStates.size(); ++s)
    if (state == kStates[s]) outcome.state = static_cast<FileState>(s);
  outcome.exit = static_cast<Status>(json.at("exit").get<int>());
  outcome.error = text_of(json.at("error"));
  outcome.seconds = json.at("seconds");
  outcome.method = text_of(json.at("method"));
  return outcome;
}

BatchLog::BatchLog(const std::string& folder) : path_(folder + "/" + service::kBatchLog) {
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0)
    throw Error(Status::usage, fmt::format("{}: cannot be opened for writing: {}", path_, std::strerror(errno)));
  if (flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(file_);
    throw Error(Status::failed,
                fmt::format("{}: another batch is writing it: wait for it, or give another folder", path_));
  }
  const off_t end = lseek(file_, 0, SEEK_END);
  char last = '\n';
  if (end > 0 && pread(file_, &last, 1, end - 1) == 1 && last != '\n' && write(file_, "\n", 1) != 1)
    failure_ = std::strerror(errno);
}

BatchLog::~BatchLog() {
  close(file_);
}

void BatchLog::append(const service::BatchEntry& entry, const FileOutcome& outcome) {
  Json json = {{"input", entry.input}, {"output", entry.output}};
  json.update(outcome_json(outcome));
  const std::string line = json_line(json) + "\n";
  errno = 0;
  if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      (fdatasync(file_) != 0 && errno != EINVAL))
    failure_ = errno == 0 ? "the disk is full" : std::strerror(errno);
}

void BatchLog::check() const {
  if (!failure_.empty())
    throw Error(Status::failed, fmt::format("{}: lines are missing, it could not be written: {}", path_, failure_));
}

}  // namespace tattn::cli
