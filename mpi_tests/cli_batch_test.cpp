// tattn batch as a user runs it: what is done, skipped, failed and logged, and what a second run makes of it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "io/hdf5.hpp"
#include "support/file_spec.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace fs = std::filesystem;

namespace tattn::test {
namespace {

using nlohmann::json;

/// The lines of out/batch.jsonl from line `first` on, by input; each must be JSON with all keys.
std::map<std::string, json> log_of(const Workshop& shop, std::size_t first = 0) {
  std::map<std::string, json> lines;
  std::istringstream text(read_bytes(shop.path("out/batch.jsonl")));
  std::size_t number = 0;
  for (std::string line; std::getline(text, line); ++number) {
    if (number < first) continue;
    const json entry = json::parse(line);
    for (const char* key : {"input", "output", "status", "exit", "error", "seconds", "method"})
      EXPECT_TRUE(entry.contains(key)) << key;
    lines[entry.at("input")] = entry;
  }
  return lines;
}

std::size_t log_lines(const Workshop& shop) {
  const std::string text = read_bytes(shop.path("out/batch.jsonl"));
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string state_of(const std::map<std::string, json>& log, const std::string& input) {
  const auto line = log.find(input);
  return line == log.end() ? "not logged" : line->second.at("status").get<std::string>();
}

/// Entries of every dataset of a result, by name.
std::map<std::string, std::vector<double>> datasets_of(const std::string& path) {
  using io::Handle;
  std::map<std::string, std::vector<double>> all;
  const Handle file(TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  for (const char* name : {"O", "LSE", "dQ", "dK1", "dK2", "dV1", "dV2"}) {
    if (TATTN_H5(H5Lexists, file.get(), name, H5P_DEFAULT) == 0) continue;
    const Handle dataset(TATTN_H5(H5Dopen2, file.get(), name, H5P_DEFAULT), H5Dclose);
    const Handle space(TATTN_H5(H5Dget_space, dataset.get()), H5Sclose);
    auto& values = all[name];
    values.resize(static_cast<std::size_t>(TATTN_H5(H5Sget_simple_extent_npoints, space.get())));
    TATTN_H5(H5Dread, dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  return all;
}

void generate(const Workshop& shop, const std::string& name, int rows, const std::string& more = "--upstream") {
  const Outcome made = shop.tattn(fmt::format("generate '{}' --rows {} --dim 4 {}", name, rows, more));
  ASSERT_EQ(made.status, 0) << made.err;
}

class Batch : public testing::TestWithParam<int> {};

TEST_P(Batch, GoesOnAfterBadFilesAndFromWhereItWas) {
  const int ranks = GetParam();
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  for (const int rows : {5, 12, 60}) generate(shop, fmt::format("in/{}.h5", rows), rows);
  write_bytes(shop.path("in/text.h5"), "no HDF5");
  write_bytes(shop.path("list"), "# a comment\nin/5.h5\nin/none.h5\n\nin/60.h5\r\nin/text.h5\nin/12.h5\n");

  const Outcome first = shop.tattn("batch list out", ranks);
  EXPECT_EQ(first.status, 1) << first.err;
  EXPECT_NE(first.lines().back().find("2 of 5 files failed"), std::string::npos) << first.err;
  EXPECT_NE(first.out.find("done            3"), std::string::npos) << first.out;
  auto log = log_of(shop);
  for (const int rows : {5, 12, 60}) EXPECT_EQ(state_of(log, fmt::format("in/{}.h5", rows)), "done");
  for (const char* name : {"in/none.h5", "in/text.h5"}) {
    EXPECT_EQ(state_of(log, name), "failed");
    EXPECT_EQ(log[name].at("exit"), 3);
    EXPECT_NE(first.out.find(log[name].at("error").get<std::string>()), std::string::npos) << first.out;
  }
  EXPECT_EQ(log["in/60.h5"].at("method"), "exact");

  // The same again does nothing; what was mended is done; another option or input is done again.
  generate(shop, "in/none.h5", 7);
  fs::remove(shop.path("in/text.h5"));
  generate(shop, "in/text.h5", 8);
  const std::string before = read_bytes(shop.path("out/60.h5"));
  generate(shop, "in/5.h5.new", 5, "--upstream --seed 9");
  fs::rename(shop.path("in/5.h5.new"), shop.path("in/5.h5"));
  const Outcome second = shop.tattn("batch list out", ranks);
  EXPECT_EQ(second.status, 0) << second.err;
  log = log_of(shop, 5);
  for (const char* name : {"in/none.h5", "in/text.h5", "in/5.h5"}) EXPECT_EQ(state_of(log, name), "done") << name;
  for (const char* name : {"in/12.h5", "in/60.h5"}) EXPECT_EQ(state_of(log, name), "skipped") << name;
  EXPECT_EQ(read_bytes(shop.path("out/60.h5")), before);

  EXPECT_EQ(shop.tattn("batch list out --tolerance 1e-2", ranks).status, 0);
  for (const auto& [input, line] : log_of(shop, 10)) EXPECT_EQ(line.at("status"), "done") << input;
  EXPECT_EQ(log_lines(shop), 15U);
}

INSTANTIATE_TEST_SUITE_P(Cli, Batch, testing::Values(1, 2, 3, 4, 7));

// A line that a killed run could not end is ended, so that those after it can be read.
TEST(BatchLogFile, EndsATornLine) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  fs::create_directory(shop.path("out"));
  generate(shop, "in/a.h5", 4);
  write_bytes(shop.path("out/batch.jsonl"), "{\"input\": \"in/a");
  EXPECT_EQ(shop.tattn("batch in out").status, 0);
  EXPECT_EQ(state_of(log_of(shop, 1), "in/a.h5"), "done");
}

TEST(BatchResults, AreThoseOfSingleRuns) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  for (const int rows : {3, 20, 41}) generate(shop, fmt::format("in/{}.h5", rows), rows, "--target --heads 2");
  for (const char* command : {"forward", "gradient"}) {
    const std::string folder = fmt::format("out_{}", command);
    const Outcome batch =
        shop.tattn(fmt::format("batch in {} --command {} --ranks-per-file 2 --quiet", folder, command), 5);
    EXPECT_EQ(batch.status, 0) << batch.err;
    EXPECT_EQ(batch.out + batch.err, "");
    for (const int rows : {3, 20, 41}) {
      ASSERT_EQ(shop.tattn(fmt::format("{} in/{}.h5 single.h5 --force", command, rows), 2).status, 0);
      const auto single = datasets_of(shop.path("single.h5"));
      EXPECT_EQ(single.size(), command == std::string("forward") ? 2U : 7U);
      EXPECT_EQ(datasets_of(shop.path(fmt::format("{}/{}.h5", folder, rows))), single) << command << rows;
    }
  }
}

TEST(BatchNames, AreClearWhereTheyMeet) {
  const Workshop shop;
  for (const char* folder : {"a", "b", "a b"}) fs::create_directory(shop.path(folder));
  for (const char* name : {"a/x.h5", "b/x.h5", "a b/with blank.h5"}) generate(shop, name, 4);
  write_bytes(shop.path("list"), "a/x.h5\nb/x.h5\na/x.h5\n./a/x.h5\na b/with blank.h5\na/\n");
  const Outcome outcome = shop.tattn("batch list out", 2);
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_EQ(log_lines(shop), 6U);
  const auto log = log_of(shop);
  EXPECT_EQ(state_of(log, "b/x.h5"), "failed");
  EXPECT_EQ(
      log.at("b/x.h5").at("error"),
      "b/x.h5: has the name of 'a/x.h5', whose result is 'out/x.h5': rename one, or give them output folders of "
      "their own");
  EXPECT_EQ(state_of(log, "./a/x.h5"), "skipped");
  EXPECT_EQ(state_of(log, "a b/with blank.h5"), "done");
  EXPECT_EQ(state_of(log, "a/"), "failed");
}

TEST(BatchNames, MayHoldAnythingInAFolder) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  for (const char* name : {"in/two\nlines.h5", "in/\xff.h5", "in/ .h5"}) generate(shop, name, 4);
  write_bytes(shop.path("in/bad\n.h5"), "");
  const Outcome outcome = shop.tattn("batch in out", 3);
  EXPECT_EQ(outcome.status, 1);
  for (const std::string& line : outcome.lines()) EXPECT_TRUE(line.starts_with("tattn: ")) << line;
  EXPECT_EQ(outcome.out.find("bad\n.h5"), std::string::npos) << outcome.out;
  EXPECT_EQ(log_lines(shop), 4U);
  EXPECT_EQ(state_of(log_of(shop), "in/two\nlines.h5"), "done");
  EXPECT_TRUE(fs::exists(shop.path("out/\xff.h5")));
}

TEST(BatchRefuses, WhatItCannotStart) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  generate(shop, "in/a.h5", 4);
  write_bytes(shop.path("empty"), "# nothing\n");
  write_bytes(shop.path("list"), "in/a.h5\n");
  for (const int ranks : {1, 3}) {
    expect_refused(shop, "batch none out", ranks, 3, "none: there is no such list or folder");
    expect_refused(shop, "batch empty out", ranks, 3, "empty: lists no path");
    expect_refused(shop, "batch in/a.h5 out", ranks, 3, "zero byte");
    expect_refused(shop, "batch in in", ranks, 2, "is the folder of the inputs");
    expect_refused(shop, "batch in list", ranks, 2, "list: cannot be used as a folder");
    expect_refused(shop, "batch in out --ranks-per-file 4", ranks, 2, "--ranks-per-file 4");
    expect_refused(shop, "batch in out --method polynomial --grid 1,1", ranks, 2, "--grid of a batch");
  }
}

TEST(BatchOutputs, ThatAreNoResultsStayUnlessForced) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  fs::create_directory(shop.path("out"));
  for (const char* name : {"in/cut.h5", "in/text.h5", "in/operands.h5"}) generate(shop, name, 6);
  ASSERT_EQ(shop.tattn("gradient in/cut.h5 out/cut.h5").status, 0);
  fs::resize_file(shop.path("out/cut.h5"), fs::file_size(shop.path("out/cut.h5")) - 100);
  write_bytes(shop.path("out/text.h5"), "mine");
  fs::copy_file(shop.path("in/operands.h5"), shop.path("out/operands.h5"));
  const Outcome kept = shop.tattn("batch in out", 2);
  EXPECT_EQ(kept.status, 1);
  auto log = log_of(shop);
  EXPECT_EQ(state_of(log, "in/cut.h5"), "done");
  for (const char* name : {"in/text.h5", "in/operands.h5"}) {
    EXPECT_EQ(state_of(log, name), "failed");
    EXPECT_EQ(log[name].at("exit"), 2);
  }
  EXPECT_EQ(read_bytes(shop.path("out/text.h5")), "mine");
  EXPECT_EQ(shop.tattn("batch in out --force", 2).status, 0);
  log = log_of(shop, 3);
  EXPECT_EQ(state_of(log, "in/cut.h5"), "skipped");
  EXPECT_EQ(state_of(log, "in/text.h5"), "done");
}

TEST(BatchMemory, ThatOneFileLacksStopsNoOther) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  generate(shop, "in/small.h5", 4);
  generate(shop, "in/large.h5", 100000);
  const Outcome outcome = shop.tattn("batch in out --memory 68M", 2);
  EXPECT_EQ(outcome.status, 1);
  const auto log = log_of(shop);
  EXPECT_EQ(state_of(log, "in/small.h5"), "done");
  EXPECT_EQ(state_of(log, "in/large.h5"), "failed");
  EXPECT_NE(log.at("in/large.h5").at("error").get<std::string>().find("not enough memory"), std::string::npos);
}

/// A batch of 12 files of about a second under way, with at least one of them done.
class Interrupted {
 public:
  explicit Interrupted(int ranks) : ranks_(ranks) {
    fs::create_directory(shop.path("in"));
    for (int f = 0; f < 12; ++f) generate(shop, fmt::format("in/{}.h5", f), 300 + f);
    launcher_ = shop.start_tattn("batch in out --ranks-per-file 1", ranks);
    for (int tries = 0; tries < 600 && (!fs::exists(shop.path("out/batch.jsonl")) || log_lines(shop) == 0); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  /// To every rank, or only to the last one found.
  void signal(int number, bool every) const {
    std::vector<int> processes;
    for (const int process : descendants(launcher_))
      if (runs_tattn(process)) processes.push_back(process);
    ASSERT_EQ(processes.size(), static_cast<std::size_t>(ranks_));
    for (const int process : processes)
      if (every || process == processes.back()) {
        ASSERT_EQ(kill(process, number), 0);
      }
  }

  /// Exit status of the launcher; -1 when it was ended by a signal.
  [[nodiscard]] int wait() const {
    int ended = 0;
    EXPECT_EQ(waitpid(launcher_, &ended, 0), launcher_);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  }

  /// Nothing that was done is lost, and a second run does the rest.
  void expect_rerun_completes() const {
    const std::size_t before = log_lines(shop);
    std::map<std::string, std::string> done;
    for (const auto& [input, line] : log_of(shop))
      if (line.at("status") == "done") done[input] = read_bytes(shop.path(line.at("output")));
    EXPECT_GE(done.size(), 1U);
    EXPECT_LT(done.size(), 12U);
    const Outcome again = shop.tattn("batch in out --ranks-per-file 1", ranks_);
    EXPECT_EQ(again.status, 0) << again.err;
    const auto log = log_of(shop, before);
    EXPECT_EQ(log.size(), 12U);
    for (const auto& [input, bytes] : done) {
      EXPECT_EQ(state_of(log, input), "skipped");
      EXPECT_EQ(read_bytes(shop.path("out/" + fs::path(input).filename().string())), bytes);
    }
    for (const auto& entry : fs::directory_iterator(shop.path("out")))
      EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << entry.path();
  }

  Workshop shop;

 private:
  int ranks_, launcher_ = 0;
};

TEST(BatchStopped, EndsWithStatus5AndGoesOnLater) {
  for (const int number : {SIGUSR1, SIGTERM}) {
    const Interrupted batch(3);
    batch.signal(number, number == SIGTERM);
    EXPECT_EQ(batch.wait(), 5);
    batch.expect_rerun_completes();
  }
}

TEST(BatchKilled, LosesNothingThatWasDone) {
  const Interrupted batch(2);
  const auto begin = std::chrono::steady_clock::now();
  batch.signal(SIGKILL, false);
  EXPECT_NE(batch.wait(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  batch.expect_rerun_completes();
}

}  // namespace
}  // namespace tattn::test
