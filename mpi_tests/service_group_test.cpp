// Schedules, and groups of ranks that take files from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "plan/memory.hpp"
#include "service/group_work.hpp"
#include "service/schedule.hpp"

namespace tattn::test {
namespace {

using service::FileWork;
using service::Level;
using service::Setting;

FileWork square(std::int64_t rows) {
  FileWork work;
  work.problem.shape = {2, 1, rows, {rows, rows}, 16, 16};
  work.problem.scale = 1.0 / 16;
  work.bytes = rows * 16 * 4 * 6;
  return work;
}

Setting setting_of(int ranks) {
  Setting setting;
  setting.ranks = ranks;
  setting.options.method = Method::exact;
  return setting;
}

TEST(Schedule, GivesSmallFilesARankEachAndLargeOnesAll) {
  std::vector<FileWork> files(40, square(50));
  files.push_back(square(3000));
  const auto levels = service::make_schedule(files, setting_of(7));
  ASSERT_EQ(levels.size(), 2U);
  EXPECT_EQ(levels[0].ranks, 7);
  EXPECT_EQ(levels[0].files, std::vector<std::size_t>{40});
  EXPECT_EQ(levels[1].ranks, 1);
  EXPECT_EQ(levels[1].files.size(), 40U);
}

TEST(Schedule, TakesTheLargestFirst) {
  std::vector<FileWork> files;
  for (int f = 0; f < 60; ++f) files.push_back(square(40 + 37 * f % 60));
  const Setting setting = setting_of(3);
  const auto levels = service::make_schedule(files, setting);
  ASSERT_EQ(levels.size(), 1U);
  const auto rows = [&](std::size_t f) { return files[f].problem.shape.rows; };
  EXPECT_TRUE(std::is_sorted(levels[0].files.begin(), levels[0].files.end(),
                             [&](std::size_t a, std::size_t b) { return rows(a) > rows(b); }));
}

TEST(Schedule, HasEveryFileOnceAtAllowedSizes) {
  for (const int ranks : {1, 2, 3, 4, 7, 12}) {
    std::vector<FileWork> files;
    for (int f = 0; f < 30; ++f) files.push_back(square(std::int64_t{30} << f % 7));
    std::vector<int> seen(files.size());
    for (const Level& level : service::make_schedule(files, setting_of(ranks))) {
      EXPECT_TRUE(level.ranks == ranks || (level.ranks & (level.ranks - 1)) == 0) << level.ranks;
      for (const std::size_t f : level.files) ++seen[f];
    }
    EXPECT_EQ(seen, std::vector<int>(files.size(), 1));
  }
}

TEST(Schedule, WidensTheGroupUntilMemoryFits) {
  Setting setting = setting_of(8);
  const FileWork large = square(20000);
  std::vector<FileWork> files(100, large);  // on balance alone a rank each
  setting.options.memory_bytes = plan::exact_memory_bytes(large.problem, plan::Pass::gradient, 4, 4, 1);
  EXPECT_EQ(service::make_schedule(files, setting).at(0).ranks, 4);
}

TEST(Schedule, KeepsToAFixedSize) {
  Setting setting = setting_of(7);
  setting.ranks_per_file = 3;
  const auto levels = service::make_schedule({square(10), square(2000)}, setting);
  ASSERT_EQ(levels.size(), 1U);
  EXPECT_EQ(levels[0].ranks, 3);
}

/// Levels that fit `ranks`, widest first, with so many files each.
std::vector<Level> levels_of(int ranks, std::size_t files_each) {
  std::vector<Level> levels;
  std::size_t file = 0;
  for (int size = 1; size < 2 * ranks; size *= 2) {
    Level level{std::min(size, ranks), {}};
    for (std::size_t f = 0; f < files_each; ++f) level.files.push_back(file++);
    levels.insert(levels.begin(), level);
  }
  return levels;
}

TEST(GroupWork, RunsEveryFileOnceInItsGroup) {
  const Communicator comm(MPI_COMM_WORLD);
  const auto levels = levels_of(comm.size(), 5);
  const std::size_t files = 5 * levels.size();
  std::vector<std::int64_t> runs(files);
  std::vector<std::string> outcomes(files);
  const StopSignal stop;
  const auto run = [&](const Communicator& group, std::size_t file, const std::function<void()>& poll) {
    poll();
    EXPECT_EQ(group.sum(std::int64_t{1}), levels[levels.size() - 1 - file / 5].ranks);
    if (group.rank() == 0) ++runs[file];
    return group.rank() == 0 ? std::string(10 * file, 'x') + "\nof " + std::to_string(file) : "";
  };
  const auto finished = [&](std::size_t file, const std::string& outcome) { outcomes[file] += outcome; };
  EXPECT_EQ(service::work_in_groups(comm, levels, stop, {run, finished}), static_cast<std::int64_t>(files));
  for (std::size_t f = 0; f < files; ++f) {
    EXPECT_EQ(comm.sum(runs[f]), 1) << f;
    if (comm.rank() == 0) {
      EXPECT_EQ(outcomes[f], std::string(10 * f, 'x') + "\nof " + std::to_string(f));
    }
  }
}

// A signal to any rank: what is under way is finished, nothing else begins.
TEST(GroupWork, HandsOutNothingAfterASignal) {
  const Communicator comm(MPI_COMM_WORLD);
  for (int signalled = 0; signalled < comm.size(); ++signalled) {
    const StopSignal stop;
    const std::vector<Level> levels = {{1, std::vector<std::size_t>(1000)}};
    std::int64_t runs = 0, finished = 0;
    const auto run = [&](const Communicator&, std::size_t, const std::function<void()>& poll) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      poll();
      if (++runs == 2 && comm.rank() == signalled) raise(SIGUSR1);
      return std::string();
    };
    const std::int64_t done =
        service::work_in_groups(comm, levels, stop, {run, [&](std::size_t, const std::string&) { ++finished; }});
    EXPECT_LT(done, 1000);
    EXPECT_EQ(comm.sum(runs), done);
    EXPECT_EQ(comm.max(finished), done);
  }
}

TEST(GroupWork, HasNothingToDoWithoutFiles) {
  const Communicator comm(MPI_COMM_WORLD);
  EXPECT_EQ(service::work_in_groups(comm, {}, StopSignal(), {}), 0);
}

}  // namespace
}  // namespace tattn::test
