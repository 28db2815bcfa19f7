#include "comm/io_hints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "comm/mpi_error.hpp"
#include "tattn/error.hpp"

namespace tattn {
namespace {

IoHints current;

[[noreturn]] void refuse(const std::string& hint, const std::string& why) {
  throw Error(
      Status::usage,
      fmt::format("--io-hints: '{}' {}: expected KEY=VALUE,.. as in striping_factor=8,cb_nodes=4", hint, why));
}

std::pair<std::string, std::string> parse_hint(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) refuse(text, "has no '='");
  std::pair hint{text.substr(0, equals), text.substr(equals + 1)};
  const bool blank = text.find_first_of(" \t\r\n") != std::string::npos;
  if (hint.first.empty() || hint.second.empty() || blank) refuse(text, "is no key and value without blanks");
  if (hint.first.size() >= MPI_MAX_INFO_KEY || hint.second.size() >= MPI_MAX_INFO_VAL)
    refuse(text.substr(0, 40) + "..", "is longer than MPI takes");
  return hint;
}

}  // namespace

IoHints parse_io_hints(const std::string& text) {
  IoHints hints;
  std::istringstream parts(text + ",");  // an empty last part counts
  for (std::string part; std::getline(parts, part, ',');) {
    auto hint = parse_hint(part);
    const auto same = [&](const auto& other) { return other.first == hint.first; };
    if (std::any_of(hints.begin(), hints.end(), same)) refuse(part, "gives a key for the second time");
    hints.push_back(std::move(hint));
  }
  return hints;
}

void set_io_hints(IoHints hints) {
  current = std::move(hints);
}

IoInfo::IoInfo() {
  if (current.empty()) return;
  TATTN_MPI(MPI_Info_create, &handle_);
  for (const auto& [key, value] : current) TATTN_MPI(MPI_Info_set, handle_, key.c_str(), value.c_str());
}

IoInfo::~IoInfo() {
  if (handle_ != MPI_INFO_NULL) MPI_Info_free(&handle_);
}

}  // namespace tattn
