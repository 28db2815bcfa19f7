#include "cli/study_table.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "cli/paths.hpp"
#include "tattn/error.hpp"

namespace fs = std::filesystem;

namespace tattn::cli {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return file.is_open() ? text.str() : std::string();
}

/// Without a last line that has no end.
std::string whole_lines(const std::string& text) {
  return text.substr(0, text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
}

/// Adds `text` at `offset`, after which the file ends.
void write_at(const std::string& path, std::size_t offset, const std::string& text) {
  std::error_code error;
  if (fs::exists(path)) fs::resize_file(path, offset, error);
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << text << std::flush;
  if (error || !file)
    throw Error(Status::failed, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

}  // namespace

StudyTable::StudyTable(const Communicator& comm, std::string path, const std::string& kind, std::string options,
                       bool force)
    : comm_(comm), path_(std::move(path)), kind_(kind), options_(std::move(options)) {
  check_report(comm, path_, {});
  std::string kept;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    kept = whole_lines(contents(path_));
    start(kept, force);
    if (rows_.empty()) kept.clear();
    const bool fresh = kept.empty();
    try {
      write_at(path_, kept.size(), fresh ? study::header() + '\n' : "");
    } catch (const Error& error) {
      throw Error(Status::usage, error.what());
    }
  });
  if (comm.rank() != 0) rows_.clear();
  const std::string all = comm.broadcast(kept);
  if (comm.rank() != 0) take(all);
}

/// Reads what is there and says why it may not be gone on with.
void StudyTable::start(const std::string& text, bool force) {
  const auto refuse = [&](const std::string& why) {
    throw Error(Status::usage, fmt::format("{}: {}", path_, why));
  };
  const std::string all = contents(path_);
  if (!all.starts_with(study::header() + '\n') && !(study::header() + '\n').starts_with(all))
    refuse("is there and is no table of this version's studies: name another file");
  take(text);
  if (force) rows_.clear();
  for (const study::Row& row : rows_) {
    if (row.kind != kind_)
      refuse(fmt::format("holds a study of kind '{}', not '{}': name another file, or --force", row.kind, kind_));
    if (row.options != options_)
      refuse(fmt::format("was made with '{}', now it is '{}': name another file, or start anew with --force",
                         row.options, options_));
  }
}

void StudyTable::take(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // the header
  while (std::getline(lines, line)) {
    const auto row = study::from_line(line);
    if (!row)
      throw Error(Status::usage, fmt::format("{}: '{}' is no row of a study: name another file", path_, line));
    rows_.push_back(*row);
  }
}

std::optional<study::Row> StudyTable::find(const std::string& point) const {
  for (const study::Row& row : rows_)
    if (row.point == point) return row;
  return std::nullopt;
}

void StudyTable::append(study::Row row) {
  row.kind = kind_;
  row.options = options_;
  const std::string line = comm_.broadcast(study::to_line(row));
  comm_.agree([&] {
    if (comm_.rank() != 0) return;
    std::ofstream file(path_, std::ios::binary | std::ios::app);
    file << line << '\n' << std::flush;
    if (!file) throw Error(Status::failed, fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
  });
  rows_.push_back(study::from_line(line).value());
}

}  // namespace tattn::cli
