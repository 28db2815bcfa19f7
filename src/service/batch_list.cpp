#include "service/batch_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

#include "tattn/error.hpp"

namespace fs = std::filesystem;

namespace tattn::service {
namespace {

constexpr std::uintmax_t kMostListBytes = std::uintmax_t{1} << 30;
constexpr char kBlanks[] = " \t\v\f";

/// A line of the list as it stands, or without the blanks around it where only that is a file.
std::string existing(const std::string& line) {
  std::error_code ignored;
  if (fs::exists(line, ignored)) return line;
  const std::size_t begin = line.find_first_not_of(kBlanks), end = line.find_last_not_of(kBlanks);
  const std::string trimmed = line.substr(begin, end + 1 - begin);
  return fs::exists(trimmed, ignored) ? trimmed : line;
}

std::vector<std::string> list_folder(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.front() != '.' && at->path().extension() == ".h5") paths.push_back(at->path().string());
  }
  if (failed)
    throw Error(Status::input, fmt::format("{}: the folder cannot be read: {}", folder, failed.message()));
  if (paths.empty()) throw Error(Status::input, fmt::format("{}: the folder holds no *.h5", folder));
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string read_text(const std::string& path) {
  std::error_code failed;
  const std::uintmax_t bytes = fs::is_regular_file(path, failed) ? fs::file_size(path, failed) : 0;
  if (bytes > kMostListBytes)
    throw Error(Status::input, fmt::format("{}: has {} bytes: expected a list of paths, one a line", path, bytes));
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) throw Error(Status::input, fmt::format("{}: the list cannot be read: {}", path, std::strerror(errno)));
  return text;
}

/// What two paths to the same file have in common.
std::string canonical(const std::string& path) {
  std::error_code failed;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path), failed);
  return failed ? path : whole.string();
}

void check_name(BatchEntry& entry, const std::string& name, std::map<std::string, std::string>& taken) {
  if (name.empty() || name == "." || name == "..") {
    entry.error = "is no file name";
    return;
  }
  if (name == kBatchLog) {
    entry.error = fmt::format("is called like the log '{}': rename it", kBatchLog);
    return;
  }
  const auto [place, is_new] = taken.emplace(name, entry.input);
  if (is_new) return;
  entry.twice = canonical(place->second) == canonical(entry.input);
  entry.error = entry.twice ? fmt::format("is listed twice, first as '{}'", place->second)
                            : fmt::format(
                                  "has the name of '{}', whose result is '{}': rename one, or give "
                                  "them output folders of their own",
                                  place->second, entry.output);
}

}  // namespace

std::vector<std::string> parse_list(const std::string& name, std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    throw Error(Status::input, name + ": holds a zero byte: expected a text with a path a line, or a folder");
  std::vector<std::string> paths;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t first = line.find_first_not_of(kBlanks);
    if (first != std::string_view::npos && line[first] != '#') paths.emplace_back(line);
  }
  if (paths.empty()) throw Error(Status::input, name + ": lists no path: expected one a line");
  return paths;
}

std::vector<std::string> read_list(const std::string& list) {
  std::error_code failed;
  const fs::file_status status = fs::status(list, failed);
  if (!fs::exists(status)) throw Error(Status::input, list + ": there is no such list or folder: check the path");
  if (fs::is_directory(status)) return list_folder(list);
  std::vector<std::string> paths = parse_list(list, read_text(list));
  for (std::string& path : paths) path = existing(path);
  return paths;
}

std::vector<BatchEntry> batch_entries(const std::vector<std::string>& inputs, const std::string& output_folder) {
  std::vector<BatchEntry> entries;
  std::map<std::string, std::string> taken;  // by name
  for (const std::string& input : inputs) {
    const std::string name = fs::path(input).filename().string();
    entries.push_back({input, (fs::path(output_folder) / name).string(), "", false});
    check_name(entries.back(), name, taken);
  }
  return entries;
}

std::string printable(const std::string& text) {
  std::string line;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n')
      line += "\\n";
    else if (c == '\t')
      line += "\\t";
    else if (code < 0x20 || code == 0x7f)
      line += fmt::format("\\x{:02x}", code);
    else
      line += c;
  }
  return line;
}

}  // namespace tattn::service
