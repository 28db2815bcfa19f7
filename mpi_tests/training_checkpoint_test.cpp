// A checkpoint comes back as it was, and what is damaged, foreign or newer is refused before it is read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "comm/communicator.hpp"
#include "plan/monomial_walk.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"
#include "training/checkpoint.hpp"

namespace tattn::training {
namespace {

using test::read_bytes;

Checkpoint example() {
  Checkpoint c;
  c.settings = {{OptimizerKind::lbfgs, 0.25}, Method::polynomial, 1e-4, true, 3, std::nullopt, 0.125, false};
  c.problem_digest = "0123456789abcdef";
  c.state.point = {{1, 2, 3}, {0.5, {-1, 1e-300, 4}}};
  c.state.optimizer = {7, {1, 2}, {3}, {{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {1, 0, 1}}}};
  c.state.planned = true;
  c.state.plan.method = Method::polynomial;
  c.state.plan.reason = "for the test";
  c.state.plan.walk = std::make_shared<const plan::Walk>(plan::full_walk(3, 2));
  c.state.plan.features = c.state.plan.walk->features();
  c.state.plan.certified_error = 1e-5;
  c.state.plan.forward.seconds = 2.5;
  c.state.plan.gradient = Cost{std::nullopt, 1e9, 17, std::nullopt};
  c.state.watch = {5, 1.5, {3, 2, 1}, 2e-4, 11};
  c.state.replans = 2;
  c.state.seconds = 12.5;
  c.state.watch_seconds = 0.25;
  c.state.replan_seconds = 0.5;
  return c;
}

/// What version 1 knew nothing of is as in a state that has none of it.
Checkpoint example_of_version_1() {
  Checkpoint c = example();
  c.state.watch_seconds = c.state.replan_seconds = 0;
  return c;
}

/// Everything a checkpoint holds is in its bytes, so equal bytes are equal checkpoints.
void expect_same(const Checkpoint& found, const Checkpoint& expected) {
  EXPECT_EQ(encode(found), encode(expected));
  EXPECT_EQ(found.state.optimizer, expected.state.optimizer);
  EXPECT_EQ(found.state.watch, expected.state.watch);
  EXPECT_EQ(*found.state.plan.walk, plan::full_walk(3, 2));
  EXPECT_EQ(found.settings.degree, 3);
  EXPECT_EQ(found.settings.features, std::nullopt);
  EXPECT_EQ(found.state.plan.gradient->bytes_communicated, 17);
  EXPECT_EQ(found.problem_digest, "0123456789abcdef");
}

void expect_refused(const std::string& bytes, const std::string& says) {
  try {
    static_cast<void>(decode("night.ckpt", bytes));
    ADD_FAILURE() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    const std::string message = error.what();
    EXPECT_NE(message.find("night.ckpt: "), std::string::npos) << message;
    EXPECT_NE(message.find(says), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(Checkpoint, ComesBackAsItWas) {
  expect_same(decode("x", encode(example())), example());
  const Checkpoint empty;
  EXPECT_EQ(encode(decode("x", encode(empty))), encode(empty));
}

std::string file_of_version(int version) {
  return fmt::format(TATTN_TEST_DATA "/checkpoint_v{}.ckpt", version);
}

// Whole files that were written when there was no newer version.
TEST(Checkpoint, OfEveryVersionIsRead) {
  expect_same(decode("x", read_bytes(file_of_version(1))), example_of_version_1());
  expect_same(decode("x", read_bytes(file_of_version(2))), example());
}

// Read, written by this version and read again.
TEST(Checkpoint, OfAnOlderVersionIsKeptInThisOne) {
  const Checkpoint old = decode("x", read_bytes(file_of_version(1)));
  expect_same(decode("x", encode(old)), example_of_version_1());
  EXPECT_EQ(encode(old)[8], static_cast<char>(kCheckpointVersion));
}

// When the version changes: --gtest_also_run_disabled_tests with the last program that writes the old one.
TEST(Checkpoint, DISABLED_WroteTheFileOfThisVersion) {
  test::write_bytes(file_of_version(kCheckpointVersion), encode(example()));
}

TEST(Checkpoint, WithAnyBitFlippedIsRefused) {
  const std::string whole = encode(example());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    expect_refused(bytes, "checkpoint");
  }
}

TEST(Checkpoint, CutShortOrLongerIsRefused) {
  const std::string whole = encode(example());
  for (std::size_t length = 0; length < whole.size(); ++length)
    expect_refused(whole.substr(0, length), length < 32 ? "is no checkpoint" : "bytes follow its header");
  expect_refused(whole + '\0', "bytes follow its header");
}

TEST(Checkpoint, ThatIsForeignOrNewerIsNamedSo) {
  std::string bytes = encode(example());
  bytes[8] = kCheckpointVersion + 1;
  expect_refused(bytes, fmt::format("version {}", kCheckpointVersion + 1));
  expect_refused("\x89HDF\r\n\x1a\n" + bytes, "is no checkpoint");
}

TEST(CheckpointFile, KeepsTheOneBefore) {
  const Communicator comm(MPI_COMM_WORLD);
  const test::TestFolder folder(comm);
  const std::string path = folder.path("run.ckpt");
  Checkpoint checkpoint = example();
  for (std::int64_t step = 0; step < 3; ++step) {
    checkpoint.state.optimizer.steps = step;
    save(comm, path, checkpoint);
    EXPECT_EQ(load(comm, path).state.optimizer.steps, step);
    if (step > 0) {
      EXPECT_EQ(load(comm, previous_name(path)).state.optimizer.steps, step - 1);
    }
  }
  comm.barrier();
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"run.ckpt", "run.ckpt.previous"}));
}

TEST(CheckpointFile, ThatCannotBeReadIsRefusedOnEveryRank) {
  const Communicator comm(MPI_COMM_WORLD);
  const test::TestFolder folder(comm);
  for (const std::string& path : {folder.path("none.ckpt"), folder.path("")}) {
    try {
      static_cast<void>(load(comm, path));
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::input);
    }
  }
}

}  // namespace
}  // namespace tattn::training
