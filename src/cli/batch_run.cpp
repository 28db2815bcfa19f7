// A batch: look at every file, do those that are left in groups of ranks, and tell how it went.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "cli/batch.hpp"
#include "cli/batch_log.hpp"
#include "cli/compute.hpp"
#include "cli/paths.hpp"
#include "service/group_work.hpp"
#include "stopwatch.hpp"
#include "tattn/error.hpp"
#include "tattn/version.hpp"

namespace tattn::cli {
namespace {

using service::BatchEntry;
using service::printable;

/// One batch: what its steps share.
class Batch {
 public:
  Batch(const Communicator& comm, const BatchOptions& options, const std::vector<BatchEntry>& entries)
      : comm_(comm),
        options_(options),
        entries_(entries),
        progress_(options.common.progress, comm.rank() == 0 && !options.common.quiet) {
    comm.agree([&] {
      if (comm.rank() == 0) log_ = std::make_unique<BatchLog>(options.folder);
    });
  }

  void all() {
    Options library = library_options(comm_, options_.common);
    files_ = survey_files(comm_, options_, entries_, stop_);
    const std::vector<std::size_t> waiting = note_surveyed();
    if (!stop_.requested(comm_)) work(waiting, library);  // else some may not even have been looked at
    finish();
  }

 private:
  void work(const std::vector<std::size_t>& waiting, const Options& library) {
    const service::Setting setting{comm_.size(), options_.ranks_per_file, options_.command == "gradient", library};
    const auto levels = schedule(waiting, setting);
    options_.common.memory = static_cast<std::uint64_t>(library.memory_bytes);  // a rank's, whatever its group
    tell_ = progress_.phase("batch");
    work_in_groups(comm_, levels, stop_,
                   {[&](const Communicator& group, std::size_t file, const std::function<void()>& poll) {
                      return run(group, file, poll);
                    },
                    [&](std::size_t file, const std::string& outcome) {
                      note(file, outcome_of(nlohmann::json::parse(outcome)));
                    }});
    progress_.finish();
  }

  /// Notes what the survey settled, and gives the others.
  std::vector<std::size_t> note_surveyed() {
    std::vector<std::size_t> waiting;
    for (std::size_t f = 0; f < files_.size(); ++f)
      if (files_[f].outcome.state == FileState::waiting)
        waiting.push_back(f);
      else
        note(f, files_[f].outcome);
    return waiting;
  }

  /// In numbers of all files.
  std::vector<service::Level> schedule(const std::vector<std::size_t>& waiting, const service::Setting& setting) {
    std::vector<service::FileWork> works;
    for (const std::size_t f : waiting) works.push_back(files_[f].work);
    auto levels = service::make_schedule(works, setting);
    predicted_.resize(files_.size());
    for (service::Level& level : levels)
      for (std::size_t& file : level.files) {
        const double seconds = service::predict_seconds(works[file], setting, level.ranks) * level.ranks;
        file = waiting[file];
        predicted_[file] = seconds;
        predicted_all_ += seconds;
      }
    for (const service::Level& level : levels)
      spdlog::info("{} file{} on {} rank{} each", level.files.size(), level.files.size() == 1 ? "" : "s",
                   level.ranks, level.ranks == 1 ? "" : "s");
    return levels;
  }

  /// One file on a group. Errors are the same on every rank of it, so it goes on together.
  std::string run(const Communicator& group, std::size_t file, const std::function<void()>& poll) {
    ComputeOptions one{entries_[file].input, entries_[file].output, options_.common, false,
                       [&](const char* phase, double share) {
                         poll();
                         show(entries_[file].input, phase, share);
                       }};
    one.common.force = files_[file].replace;
    one.common.report.clear();
    FileOutcome outcome{FileState::done, Status::done, "", "", 0};
    const Stopwatch watch;
    try {
      outcome.method = compute(group, one, options_.needs()).method;
    } catch (const Error& error) {
      outcome = {FileState::failed, error.status(), error.what(), "", 0};
    } catch (const std::bad_alloc&) {
      if (group.size() > 1) throw;  // the others do not know
      outcome = {FileState::failed, Status::failed, one.input + ": out of memory", "", 0};
    }
    outcome.seconds = watch.seconds();
    spdlog::debug("{}: ended after {:.2f} s on {} ranks", printable(one.input), outcome.seconds, group.size());
    return group.rank() == 0 ? json_line(outcome_json(outcome)) : std::string();
  }

  /// On rank 0 what became of a file.
  void note(std::size_t file, const FileOutcome& outcome) {
    files_[file].outcome = outcome;
    if (comm_.rank() != 0) return;
    log_->append(entries_[file], outcome);
    ++counts_[static_cast<std::size_t>(outcome.state)];
    predicted_done_ += predicted_.empty() ? 0 : predicted_[file];
    if (outcome.state != FileState::failed) return;
    progress_.finish();
    spdlog::warn("failed: {}", printable(outcome.error));
  }

  void show(const std::string& input, const char* phase, double share) {
    if (!tell_) return;
    progress_.rename(fmt::format("{} of {} files; {} {} {:.0f} %", files_.size() - left(), files_.size(),
                                 printable(input), phase, 100 * share));
    tell_(predicted_done_ / predicted_all_);
  }

  [[nodiscard]] std::size_t count(FileState state) const { return counts_[static_cast<std::size_t>(state)]; }

  /// Files that nothing has been settled about.
  [[nodiscard]] std::size_t left() const {
    return files_.size() - count(FileState::done) - count(FileState::skipped) - count(FileState::failed);
  }

  void print_table() const {
    fmt::print("{:<8} {:>8}\n", "files", files_.size());
    for (const auto& [name, state] :
         {std::pair{"done", FileState::done}, {"skipped", FileState::skipped}, {"failed", FileState::failed}})
      fmt::print("{:<8} {:>8}\n", name, count(state));
    if (left() > 0) fmt::print("{:<8} {:>8}\n", "left", left());
    fmt::print("{:<8} {:>8.2f}\n", "seconds", total_.seconds());
    for (const FileSurvey& file : files_)
      if (file.outcome.state == FileState::failed) fmt::print("failed: {}\n", printable(file.outcome.error));
  }

  void report() const {
    if (options_.common.report.empty()) return;
    const nlohmann::ordered_json json = {{"version", TATTN_VERSION},
                                         {"command", "batch"},
                                         {"input", options_.list},
                                         {"output", options_.folder},
                                         {"ranks", comm_.size()},
                                         {"files",
                                          {{"all", files_.size()},
                                           {"done", count(FileState::done)},
                                           {"skipped", count(FileState::skipped)},
                                           {"failed", count(FileState::failed)},
                                           {"left", left()}}},
                                         {"seconds", {{"total", total_.seconds()}}}};
    write_text(comm_, options_.common.report,
               json.dump(2, ' ', false, decltype(json)::error_handler_t::replace) + "\n");
  }

  /// Ends as the whole batch did. Collective.
  void finish() {
    if (comm_.rank() == 0 && !options_.common.quiet) print_table();
    report();
    comm_.agree([&] {
      if (comm_.rank() != 0) return;
      if (left() > 0)
        throw Error(Status::stopped, fmt::format("{}: stopped by a signal, {} of {} files are left: run the same "
                                                 "command again to go on",
                                                 options_.folder, left(), files_.size()));
      log_->check();
      if (count(FileState::failed) > 0)
        throw Error(Status::failed,
                    fmt::format("{}: {} of {} files failed: see {}/{}", options_.list, count(FileState::failed),
                                files_.size(), options_.folder, service::kBatchLog));
    });
  }

  const Communicator& comm_;
  BatchOptions options_;
  const std::vector<BatchEntry>& entries_;
  std::vector<FileSurvey> files_;
  std::vector<double> predicted_;  ///< rank seconds, by file
  double predicted_all_ = 0, predicted_done_ = 0;
  std::array<std::size_t, 4> counts_{};  ///< by FileState
  std::unique_ptr<BatchLog> log_;
  Progress progress_;
  std::function<void(double)> tell_;
  StopSignal stop_;
  Stopwatch total_;
};

}  // namespace

void run_batch(const Communicator& comm, const BatchOptions& options, const std::vector<BatchEntry>& entries) {
  Batch(comm, options, entries).all();
}

}  // namespace tattn::cli
