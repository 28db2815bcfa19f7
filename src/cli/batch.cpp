// tattn batch LIST OUTDIR: the command, its list and its folder; batch_run.cpp does the work.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>

#include "cli/batch.hpp"
#include "cli/commands.hpp"
#include "cli/log.hpp"
#include "cli/paths.hpp"
#include "tattn/error.hpp"

namespace fs = std::filesystem;

namespace tattn::cli {
namespace {

using service::BatchEntry;

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

void run(const Communicator& comm, const BatchOptions& options) {
  if (options.common.quiet) quiet_log();
  if (options.ranks_per_file && *options.ranks_per_file > comm.size())
    throw Error(Status::usage,
                fmt::format("--ranks-per-file {}: there are {} ranks", *options.ranks_per_file, comm.size()));
  if (!options.common.grid.empty() && !options.ranks_per_file)
    throw Error(Status::usage, "--grid of a batch needs --ranks-per-file, the ranks that it cuts");
  refuse_what_is_missing(options.ranks_per_file.value_or(comm.size()), options.common);
  const std::vector<BatchEntry> entries = read_entries(comm, options);
  make_folder(comm, options);
  check_report(comm, options.common.report, {options.list});
  run_batch(comm, options, entries);
}

}  // namespace

void add_batch(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("batch", "compute many files; run again, it goes on where it was stopped");
  const auto options = std::make_shared<BatchOptions>();
  file_option(command->add_option("LIST", options->list,
                                  "text file with a path a line (# begins a comment), or a folder of *.h5"))
      ->required();
  file_option(
      command->add_option("OUTDIR", options->folder, "folder for the results, and for batch.jsonl, a line a file"))
      ->type_name("FOLDER")
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
