// tattn batch LIST OUTDIR: many files, in groups of ranks, and again where it was interrupted.
#include "cli/batch.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>

#include "cli/batch_log.hpp"
#include "cli/commands.hpp"
#include "cli/compute.hpp"
#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "service/group_work.hpp"
#include "stopwatch.hpp"
#include "tattn/error.hpp"
#include "tattn/version.hpp"

namespace fs = std::filesystem;

namespace tattn::cli {
namespace {

using service::BatchEntry;
using service::printable;

/// Rank 0 reads LIST; strings of every kind of path are told by zero bytes, which none can have.
std::vector<BatchEntry> read_entries(const Communicator& comm, const BatchOptions& options) {
  std::string text;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    for (const BatchEntry& entry : service::batch_entries(service::read_list(options.list), options.folder))
      for (const std::string& part : {entry.input, entry.output, entry.error, std::string(entry.twice ? "1" : "")})
        text += part + '\0';
  });
  text = comm.broadcast(text);
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size(); at = text.find('\0', at) + 1)
    parts.push_back(text.substr(at, text.find('\0', at) - at));
  std::vector<BatchEntry> entries;
  for (std::size_t p = 0; p + 4 <= parts.size(); p += 4)
    entries.push_back({parts[p], parts[p + 1], parts[p + 2], !parts[p + 3].empty()});
  return entries;
}

void make_folder(const Communicator& comm, const BatchOptions& options) {
  comm.agree([&] {
    if (comm.rank() != 0) return;
    std::error_code failed;
    if (fs::equivalent(options.list, options.folder, failed))
      throw Error(Status::usage,
                  options.folder + ": is the folder of the inputs: give another one for the results");
    fs::create_directories(options.folder, failed);
    if (!fs::is_directory(options.folder))
      throw Error(Status::usage,
                  fmt::format("{}: cannot be used as a folder: {}", options.folder, failed.message()));
    if (access(options.folder.c_str(), W_OK | X_OK) != 0)
      throw Error(Status::usage, options.folder + ": no permission to write into this folder");
  });
}

/// One batch: what its steps share.
class Batch {
 public:
  Batch(const Communicator& comm, const BatchOptions& options, std::vector<BatchEntry> entries)
      : comm_(comm),
        options_(options),
        entries_(std::move(entries)),
        progress_(options.common.progress, comm.rank() == 0 && !options.common.quiet) {
    comm.agree([&] {
      if (comm.rank() == 0) log_ = std::make_unique<BatchLog>(options.folder);
    });
  }

  void all() {
    Options library = library_options(comm_, options_.common);
    files_ = survey_files(comm_, options_, entries_, stop_);
    const std::vector<std::size_t> waiting = note_surveyed();
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
    finish();
  }

 private:
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
    ComputeOptions one{entries_[file].input, entries_[file].output, options_.common};
    one.common.force = files_[file].replace;
    one.common.report.clear();
    FileOutcome outcome{FileState::done, Status::done, "", "", 0};
    const Stopwatch watch;
    try {
      outcome.method = compute(group, one, options_.needs(), [&](const char* phase, double share) {
                         poll();
                         show(entries_[file].input, phase, share);
                       }).method;
    } catch (const Error& error) {
      outcome = {FileState::failed, error.status(), error.what(), "", 0};
    } catch (const std::bad_alloc&) {
      if (group.size() > 1) throw;  // the others do not know
      outcome = {FileState::failed, Status::failed, one.input + ": out of memory", "", 0};
    }
    outcome.seconds = watch.seconds();
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
    const std::size_t settled = count(FileState::done) + count(FileState::skipped) + count(FileState::failed);
    progress_.rename(fmt::format("{} of {} files; {} {} {:.0f} %", settled, files_.size(), printable(input), phase,
                                 100 * share));
    tell_(predicted_done_ / predicted_all_);
  }

  [[nodiscard]] std::size_t count(FileState state) const { return counts_[static_cast<std::size_t>(state)]; }

  void print_table() const {
    fmt::print("{:<8} {:>8}\n", "files", files_.size());
    for (const auto& [name, state] :
         {std::pair{"done", FileState::done}, {"skipped", FileState::skipped}, {"failed", FileState::failed}})
      fmt::print("{:<8} {:>8}\n", name, count(state));
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
                                           {"waiting", files_.size() - count(FileState::done) -
                                                           count(FileState::skipped) - count(FileState::failed)}}},
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
      const std::size_t failed = count(FileState::failed),
                        settled = failed + count(FileState::done) + count(FileState::skipped);
      if (settled < files_.size())
        throw Error(Status::stopped, fmt::format("{}: stopped by a signal, {} of {} files are left: run the same "
                                                 "command again to go on",
                                                 options_.folder, files_.size() - settled, files_.size()));
      log_->check();
      if (failed > 0)
        throw Error(Status::failed, fmt::format("{}: {} of {} files failed: see {}/{}", options_.list, failed,
                                                files_.size(), options_.folder, service::kBatchLog));
    });
  }

  const Communicator& comm_;
  BatchOptions options_;
  std::vector<BatchEntry> entries_;
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

void run(const Communicator& comm, const BatchOptions& options) {
  if (options.common.quiet) quiet_log();
  if (options.ranks_per_file && *options.ranks_per_file > comm.size())
    throw Error(Status::usage,
                fmt::format("--ranks-per-file {}: there are {} ranks", *options.ranks_per_file, comm.size()));
  if (!options.common.grid.empty() && !options.ranks_per_file)
    throw Error(Status::usage, "--grid of a batch needs --ranks-per-file, the ranks that it cuts");
  refuse_what_is_missing(options.ranks_per_file.value_or(comm.size()), options.common);
  std::vector<BatchEntry> entries = read_entries(comm, options);
  make_folder(comm, options);
  check_report(comm, options.common.report, {options.list});
  Batch(comm, options, std::move(entries)).all();
}

}  // namespace

void add_batch(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("batch", "compute many files; run again, it goes on where it was stopped");
  const auto options = std::make_shared<BatchOptions>();
  command
      ->add_option("LIST", options->list, "text file with a path a line (# begins a comment), or a folder of *.h5")
      ->required();
  command->add_option("OUTDIR", options->folder, "folder for the results, and for batch.jsonl, a line a file")
      ->required();
  command->add_option("--command", options->command, "what to compute of each file")
      ->check(CLI::IsMember({"forward", "gradient"}))
      ->capture_default_str();
  command
      ->add_option("--ranks-per-file", options->ranks_per_file,
                   "so many ranks for every file (default: by its size)")
      ->check(positive());
  add_common_options(*command, options->common);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
