#include "support/run_program.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <sstream>

#include "support/test_folder.hpp"

namespace fs = std::filesystem;

namespace tattn::test {
namespace {

constexpr int kSecondsAllowed = 60;

std::string command_line(const std::string& arguments, int ranks) {
  const std::string launcher = ranks == 1 ? "" : fmt::format("{} -np {} ", TATTN_MPIEXEC, ranks);
  return fmt::format("{}{} {}", launcher, TATTN_PROGRAM, arguments);
}

}  // namespace

std::vector<std::string> Outcome::lines() const {
  std::vector<std::string> result;
  std::istringstream text(err);
  for (std::string line; std::getline(text, line);)
    if (line.starts_with("tattn:")) result.push_back(line);
  return result;
}

Workshop::Workshop() {
  std::string made = (fs::temp_directory_path() / "tattn-cli-XXXXXX").string();
  EXPECT_NE(mkdtemp(made.data()), nullptr);
  folder_ = made;
}

Workshop::~Workshop() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> Workshop::names() const {
  std::vector<std::string> result;
  for (const auto& entry : fs::directory_iterator(folder_)) result.push_back(entry.path().filename().string());
  std::sort(result.begin(), result.end());
  return result;
}

Outcome Workshop::tattn(const std::string& arguments, int ranks, const std::string& first) const {
  static std::atomic<int> run = 0;                                          // some tests have two at a time
  const fs::path said = fmt::format("{}.said{}", folder_.string(), run++);  // beside what names() lists
  fs::create_directory(said);
  const std::string call =
      fmt::format("cd {} && {} && timeout -k 5 {} {} >{}/out 2>{}/err </dev/null", folder_.string(), first,
                  kSecondsAllowed, command_line(arguments, ranks), said.string(), said.string());
  const int ended = std::system(call.c_str());
  Outcome outcome{WIFEXITED(ended) ? WEXITSTATUS(ended) : -1, read_bytes(said / "out"), read_bytes(said / "err")};
  fs::remove_all(said);
  return outcome;
}

int Workshop::start_tattn(const std::string& arguments, int ranks) const {
  const std::string call = fmt::format("cd {} && exec timeout -k 5 {} {} >/dev/null 2>&1 </dev/null",
                                       folder_.string(), kSecondsAllowed, command_line(arguments, ranks));
  const pid_t child = fork();
  if (child != 0) return child;
  execl("/bin/sh", "sh", "-c", call.c_str(), nullptr);
  _exit(127);
}

void expect_refused(const Workshop& shop, const std::string& arguments, int ranks, int status,
                    const std::string& says) {
  const auto before = shop.names();
  const Outcome outcome = shop.tattn(arguments, ranks);
  EXPECT_EQ(outcome.status, status) << arguments << outcome.err;
  ASSERT_EQ(outcome.lines().size(), 1U) << outcome.err;
  EXPECT_NE(outcome.lines()[0].find(says), std::string::npos) << outcome.err;
  EXPECT_EQ(shop.names(), before) << arguments;
}

std::vector<int> descendants(int parent) {
  std::vector<int> result;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", parent))) {
    std::istringstream children(read_bytes(task.path() / "children"));
    for (int child = 0; children >> child;) {
      result.push_back(child);
      for (const int further : descendants(child)) result.push_back(further);
    }
  }
  return result;
}

bool runs_tattn(int process) {
  std::error_code ignored;
  return fs::equivalent(fmt::format("/proc/{}/exe", process), TATTN_PROGRAM, ignored);
}

}  // namespace tattn::test
