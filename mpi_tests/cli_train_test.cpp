// tattn train as a user runs it: resumed on another number of ranks, stopped by signals, killed, and with
// checkpoints that are not what they should be.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace fs = std::filesystem;

namespace tattn::test {
namespace {

using Json = nlohmann::json;

void expect_done(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

/// problem.h5: 24 rows of order 2 in float64.
void make_problem(const Workshop& shop, const std::string& more = "") {
  expect_done(
      shop.tattn("generate problem.h5 --problem --model-dim 4 --rows 24 --dim 3 --dtype f64 --quiet " + more));
}

/// The lines of a history.
std::vector<Json> history(const Workshop& shop, const std::string& name) {
  std::vector<Json> lines;
  std::ifstream file(shop.path(name));
  for (std::string line; std::getline(file, line);) {
    const Json json = Json::parse(line, nullptr, false);  // the last line of a killed run may be cut
    if (!json.is_discarded()) lines.push_back(json);
  }
  return lines;
}

double loss_of(const Workshop& shop, const std::string& report) {
  std::ifstream file(shop.path(report));
  return Json::parse(file)["loss"].get<double>();
}

TEST(Train, WritesWhatItFoundAndHow) {
  const Workshop shop;
  make_problem(shop);
  for (const std::string optimizer : {"gd", "adam", "lbfgs"}) {
    const Outcome outcome =
        shop.tattn(fmt::format("train problem.h5 out.h5 --steps 6 --optimizer {} --history h.jsonl "
                               "--report r.json --method exact --force",
                               optimizer),
                   2);
    expect_done(outcome);
    const auto lines = history(shop, "h.jsonl");
    ASSERT_EQ(lines.size(), 7U);
    for (std::size_t k = 0; k < lines.size(); ++k) {
      EXPECT_EQ(lines[k]["step"], k);
      EXPECT_EQ(lines[k]["method"], "exact");
      EXPECT_TRUE(lines[k]["features"].is_null());
      EXPECT_GT(lines[k]["gradient_norm"], 0.0);
    }
    EXPECT_LT(lines.back()["loss"], lines.front()["loss"]);
    EXPECT_NEAR(loss_of(shop, "r.json"), lines.back()["loss"].get<double>(), 1e-12);
  }
}

TEST(Train, GoesOnAsIfItHadNeverStopped) {
  const Workshop shop;
  make_problem(shop);
  const std::string how =
      "--optimizer adam --method exact --history {0}.jsonl --report {0}.json --checkpoint {0}.ckpt";
  const auto files = [&](const std::string& name) { return fmt::format(fmt::runtime(how), name); };
  expect_done(shop.tattn("train problem.h5 whole.h5 --steps 20 " + files("whole"), 2));
  expect_done(shop.tattn("train problem.h5 half.h5 --steps 10 " + files("half"), 2));
  const Outcome outcome = shop.tattn(
      "train problem.h5 both.h5 --steps 20 --resume half.ckpt --history half.jsonl --report both.json", 3);
  expect_done(outcome);
  EXPECT_NEAR(loss_of(shop, "both.json"), loss_of(shop, "whole.json"), 1e-9 * loss_of(shop, "whole.json"));
  const auto whole = history(shop, "whole.jsonl"), both = history(shop, "half.jsonl");
  ASSERT_EQ(both.size(), whole.size());
  for (std::size_t k = 0; k < both.size(); ++k)
    EXPECT_NEAR(both[k]["loss"].get<double>(), whole[k]["loss"].get<double>(),
                1e-9 * whole[k]["loss"].get<double>());
}

TEST(Train, WithoutAStepLeftTellsNoShares) {
  const Workshop shop;
  make_problem(shop);
  expect_done(shop.tattn("train problem.h5 out.h5 --steps 2 --checkpoint a.ckpt --quiet"));
  const Outcome outcome = shop.tattn("train problem.h5 again.h5 --steps 2 --resume a.ckpt");
  expect_done(outcome);
  EXPECT_NE(outcome.err.find("tattn: 2 steps, 0.00 s\n"), std::string::npos) << outcome.err;
}

TEST(Train, PlansAnewWhereWeightsGrow) {
  const Workshop shop;
  make_problem(shop);
  expect_done(
      shop.tattn("train problem.h5 out.h5 --steps 40 --learning-rate 0.05 --method polynomial --tolerance 1e-4 "
                 "--history h.jsonl --report r.json"));
  std::int64_t replans = 0;
  for (const Json& line : history(shop, "h.jsonl")) {
    EXPECT_EQ(line["method"], "polynomial");
    replans += line.contains("replan");
  }
  std::ifstream file(shop.path("r.json"));
  const Json report = Json::parse(file);
  EXPECT_GE(replans, 1);
  EXPECT_EQ(report["training"]["replans"], replans);
  EXPECT_LE(report["error"]["measured"], 1e-4);
}

/// A run that takes too long to end by itself, with a checkpoint every other step.
constexpr const char* kLongRun =
    "train problem.h5 out.h5 --steps 100000 --method exact --checkpoint run.ckpt --checkpoint-every 2 --history "
    "h.jsonl --quiet";

template <class Condition>
bool comes_true(const Condition& condition) {
  for (int k = 0; k < 2000 && !condition(); ++k) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return condition();
}

/// Every process of the program below `parent`.
std::vector<int> ranks_of(int parent) {
  std::vector<int> result;
  for (const int process : descendants(parent))
    if (runs_tattn(process)) result.push_back(process);
  return result;
}

int status_of(int process) {
  int status = 0;
  waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class TrainStopped : public testing::TestWithParam<std::pair<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Signals, TrainStopped,
                         testing::Values(std::pair{SIGUSR1, 1}, std::pair{SIGUSR1, 2}, std::pair{SIGTERM, 1}));

TEST_P(TrainStopped, SavesWhatCanBeResumed) {
  const auto [signal, ranks] = GetParam();
  const Workshop shop;
  make_problem(shop);
  const int run = shop.start_tattn(kLongRun, ranks);
  ASSERT_TRUE(comes_true([&] { return fs::exists(shop.path("run.ckpt")); }));
  const std::vector<int> processes = ranks_of(run);
  ASSERT_EQ(processes.size(), static_cast<std::size_t>(ranks));
  kill(processes.front(), signal);  // one of them: all agree to stop
  EXPECT_EQ(status_of(run), 5);
  EXPECT_FALSE(fs::exists(shop.path("out.h5")));
  const auto steps = history(shop, "h.jsonl").back()["step"].get<std::int64_t>();
  expect_done(shop.tattn(
      fmt::format("train problem.h5 out.h5 --steps {} --resume run.ckpt --history h.jsonl", steps + 2), ranks));
  EXPECT_EQ(history(shop, "h.jsonl").back()["step"], steps + 2);
  EXPECT_EQ(history(shop, "h.jsonl").size(), static_cast<std::size_t>(steps + 3));
}

// Wherever the kill falls, FILE is whole, and a run that resumes it goes on.
TEST(TrainKilled, AtAnyMomentLeavesAWholeCheckpoint) {
  const Workshop shop;
  make_problem(shop);
  std::srand(7);
  std::string resume;
  std::int64_t before = 0;
  for (int round = 0; round < 20; ++round) {
    const int run = shop.start_tattn(kLongRun + resume, 1);
    const auto written = [&] {
      return fs::exists(shop.path("run.ckpt")) ? fs::last_write_time(shop.path("run.ckpt")) : fs::file_time_type();
    };
    const auto old = written();
    ASSERT_TRUE(comes_true([&] { return written() != old; })) << round;
    std::this_thread::sleep_for(std::chrono::microseconds(std::rand() % 50000));
    for (const int process : ranks_of(run)) kill(process, SIGKILL);
    status_of(run);
    resume = " --resume run.ckpt";
    // --steps is the total: nothing is left to do but to read, and to tell how far it came.
    expect_done(
        shop.tattn("train problem.h5 short.h5 --steps 1 --force --report r.json --checkpoint seen.ckpt" + resume));
    std::ifstream report(shop.path("r.json"));
    const auto kept = Json::parse(report)["training"]["steps"].get<std::int64_t>();
    EXPECT_GE(kept, before);
    EXPECT_GE(kept, history(shop, "h.jsonl").back()["step"].get<std::int64_t>() - 2);
    before = kept;
  }
  const auto steps = history(shop, "h.jsonl").back()["step"].get<std::int64_t>();
  expect_done(shop.tattn(fmt::format("train problem.h5 out.h5 --steps {} --resume run.ckpt", steps + 1)));
}

TEST(TrainRefuses, CheckpointsThatAreNotWhatTheyShouldBe) {
  const Workshop shop;
  make_problem(shop);
  expect_done(shop.tattn("train problem.h5 out.h5 --steps 2 --method exact --checkpoint a.ckpt --quiet"));
  const std::string whole = read_bytes(shop.path("a.ckpt"));
  std::string damaged = whole, newer = whole;
  damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 1);
  newer[8] = 99;
  write_bytes(shop.path("damaged.ckpt"), damaged);
  write_bytes(shop.path("newer.ckpt"), newer);
  write_bytes(shop.path("empty.ckpt"), "");
  write_bytes(shop.path("foreign.ckpt"), read_bytes(shop.path("problem.h5")));
  const auto resume = [](const std::string& name) {
    return "train problem.h5 again.h5 --steps 4 --resume " + name;
  };
  for (const int ranks : {1, 3}) {
    expect_refused(shop, resume("damaged.ckpt"), ranks, 3, "damaged");
    expect_refused(shop, resume("newer.ckpt"), ranks, 3, "version 99");
    expect_refused(shop, resume("foreign.ckpt"), ranks, 3, "is no checkpoint");
    expect_refused(shop, resume("nothing.ckpt"), ranks, 3, "no such file: expected a file that tattn train wrote");
    expect_refused(shop, resume("empty.ckpt"), ranks, 3, "is empty (0 bytes): expected a file that tattn train");
  }
  expect_refused(shop, resume("a.ckpt --optimizer gd"), 1, 2, "--optimizer");
  expect_refused(shop, resume("a.ckpt --scale 7"), 1, 2, "--scale");
  make_problem(shop, "--seed 2 --force");
  expect_refused(shop, resume("a.ckpt"), 1, 3, "another problem file");
}

TEST(TrainRefuses, WhatItCannotDo) {
  const Workshop shop;
  make_problem(shop);
  expect_done(shop.tattn("generate operands.h5 --rows 8 --dim 2 --target --quiet"));
  expect_refused(shop, "train operands.h5 out.h5 --steps 2", 1, 3, "problem file");
  expect_refused(shop, "train problem.h5 out.h5", 1, 2, "--steps");
  write_bytes(shop.path("kept.ckpt"), "precious");
  fs::copy_file(shop.path("problem.h5"), shop.path("q.previous"));
  expect_refused(shop, "train q.previous out.h5 --steps 4 --checkpoint q", 1, 2, "is the same file as q.previous");
  expect_refused(shop, "train problem.h5 q.previous --steps 4 --checkpoint q --force", 1, 2,
                 "q.previous: is the same");
  write_bytes(shop.path("q.previous"), "precious");
  expect_refused(shop, "train problem.h5 out.h5 --steps 4 --checkpoint q", 1, 2, "q.previous: exists");
  expect_refused(shop, "train problem.h5 out.h5 --steps 4 --checkpoint q --resume kept.ckpt --history kept.ckpt", 1,
                 2, "kept.ckpt: is the same file as kept.ckpt");
  expect_refused(shop, "train problem.h5 out.h5 --steps 2 --checkpoint kept.ckpt", 1, 2, "exists");
  expect_refused(shop, "train problem.h5 out.h5 --steps 2 --history kept.ckpt", 1, 2, "exists");
}

}  // namespace
}  // namespace tattn::test
