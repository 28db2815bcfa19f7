// What goes wrong around a run: a full disk, folders and inputs that go away, another run with the same OUT, a
// killed rank. One line and a status, never a file that is half of something.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <random>
#include <thread>

#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace fs = std::filesystem;

namespace tattn::test {
namespace {

void generate(const Workshop& shop, const std::string& name, int rows, const std::string& more = "") {
  const Outcome made =
      shop.tattn(fmt::format("generate {} --rows {} --dim 8 --upstream --force {}", name, rows, more));
  ASSERT_EQ(made.status, 0) << made.err;
}

bool wait_for(const std::function<bool()>& there) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (there()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// Runs `tattn <arguments>` and does `mischief` once the partial file of out/out.h5 is there.
Outcome run_and(const Workshop& shop, const std::string& arguments, int ranks,
                const std::function<void()>& mischief) {
  auto run = std::async(std::launch::async, [&] { return shop.tattn(arguments, ranks); });
  EXPECT_TRUE(wait_for([&] { return fs::exists(shop.path("out/.out.h5.partial")); }));
  mischief();
  return run.get();
}

void expect_one_line(const Outcome& outcome, int status, const std::string& says) {
  EXPECT_EQ(outcome.status, status) << outcome.err;
  std::size_t errors = 0;
  for (const std::string& line : outcome.lines()) errors += line.starts_with("tattn: error: ");
  EXPECT_EQ(errors, 1U) << outcome.err;
  EXPECT_NE(outcome.err.find(says), std::string::npos) << outcome.err;
}

// 16 MiB, which is enough for what MPI keeps in files, and not for the 70 MB of the result.
const std::string kLimit = "ulimit -f 32768";
const std::string kLarge = "--order 1 --heads 200 --value-dim 64";

TEST(FullDisk, LeavesTheOlderResult) {
  const Workshop shop;
  generate(shop, "in.h5", 300, kLarge);
  write_bytes(shop.path("out.h5"), "older");
  for (const int ranks : {1, 3}) {
    expect_one_line(shop.tattn("gradient in.h5 out.h5 --force", ranks, kLimit), 1, "out.h5: ");
    EXPECT_EQ(read_bytes(shop.path("out.h5")), "older");
    EXPECT_EQ(shop.names(), (std::vector<std::string>{"in.h5", "out.h5"}));
  }
}

/// A disk of `bytes` at `folder` while it lives, where the caller may mount one.
class SmallDisk {
 public:
  SmallDisk(std::string folder, int bytes) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    mounted_ = mount("none", folder_.c_str(), "tmpfs", 0, fmt::format("size={}", bytes).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] int left() const { return static_cast<int>(fs::space(folder_).available); }

 private:
  std::string folder_;
  bool mounted_ = false;
};

// Whether the results do not fit, or only what HDF5 writes last.
TEST(FullDisk, OfAnySizeEndsTheRun) {
  const Workshop shop;
  const int page = 4096;
  const SmallDisk disk(shop.path("disk"), 32 * page);
  if (!disk.mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  generate(shop, "in.h5", 10);
  const std::string filler = shop.path("disk/filler");
  int written = 0;
  for (int pages = 0; pages < 16; pages += 3) {
    fs::remove_all(shop.path("disk/out.h5"));
    write_bytes(filler, std::string(static_cast<std::size_t>(32 - pages) * page, 'x'));
    ASSERT_EQ(disk.left(), pages * page);
    const Outcome outcome = shop.tattn("gradient in.h5 disk/out.h5", 2);
    written += outcome.status == 0;
    if (outcome.status != 0) expect_one_line(outcome, 1, "disk/out.h5: ");
    EXPECT_EQ(fs::exists(shop.path("disk/out.h5")), outcome.status == 0);
    EXPECT_FALSE(fs::exists(shop.path("disk/.out.h5.partial")));
  }
  EXPECT_TRUE(written > 0 && written < 6) << written;
}

TEST(FullDisk, FailsOneFileOfABatch) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  generate(shop, "in/large.h5", 300, kLarge);
  generate(shop, "in/small.h5", 4);
  expect_one_line(shop.tattn("batch in out", 2, kLimit), 1, "1 of 2 files failed");
  EXPECT_TRUE(fs::exists(shop.path("out/small.h5")));
  EXPECT_FALSE(fs::exists(shop.path("out/large.h5")));
}

TEST(Folder, OfTheResultMayVanish) {
  for (const int ranks : {1, 2}) {
    const Workshop shop;
    generate(shop, "in.h5", 450);
    fs::create_directory(shop.path("out"));
    const Outcome outcome =
        run_and(shop, "gradient in.h5 out/out.h5", ranks, [&] { fs::remove_all(shop.path("out")); });
    expect_one_line(outcome, 1, "out/out.h5: ");
    EXPECT_EQ(shop.names(), std::vector<std::string>{"in.h5"});
  }
}

// Also by another of the same size.
TEST(Input, ThatIsReplacedMeanwhileGivesNoResult) {
  for (const int ranks : {1, 2}) {
    const Workshop shop;
    generate(shop, "in.h5", 450);
    generate(shop, "other.h5", 450, "--seed 2");
    fs::create_directory(shop.path("out"));
    const Outcome outcome = run_and(shop, "gradient in.h5 out/out.h5", ranks,
                                    [&] { fs::rename(shop.path("other.h5"), shop.path("in.h5")); });
    expect_one_line(outcome, 1, "in.h5: was replaced or written");
    EXPECT_TRUE(fs::is_empty(shop.path("out")));
  }
}

TEST(LogFile, HasTimeRankAndTheErrorToo) {
  const Workshop shop;
  generate(shop, "in.h5", 20);
  ASSERT_EQ(shop.tattn("gradient in.h5 out.h5 --log-file log --quiet", 2).err, "");
  const Outcome refused = shop.tattn("gradient in.h5 out.h5 --log-file log --log-level debug", 2);
  EXPECT_EQ(refused.status, 2);
  const std::string log = read_bytes(shop.path("log"));
  EXPECT_NE(log.find(" rank 0 info: wrote out.h5\n"), std::string::npos) << log;
  EXPECT_NE(log.find(" rank 0 error: out.h5: exists"), std::string::npos) << log;
  EXPECT_NE(log.find(" rank 1 debug: in.h5: "), std::string::npos) << log;
}

TEST(LogFile, IsNoFileOfTheRun) {
  const Workshop shop;
  generate(shop, "in.h5", 20);
  generate(shop, "other.h5", 20);
  fs::create_hard_link(shop.path("in.h5"), shop.path("hard.h5"));
  write_bytes(shop.path("list"), "in.h5\n");
  write_bytes(shop.path("q.previous"), "mine");
  const std::string before = read_bytes(shop.path("in.h5"));
  for (const int ranks : {1, 2}) {
    const auto expect = [&](const std::string& call, const std::string& says) {
      expect_refused(shop, call, ranks, 2, says);
    };
    expect("forward in.h5 out.h5 --log-file in.h5", "is the same file as in.h5");
    expect("gradient in.h5 out.h5 --log-file hard.h5", "is the same file as in.h5");
    expect("verify in.h5 out.h5 --log-file ./out.h5", "is the same file as out.h5");
    expect("forward in.h5 out.h5 --report r.json --log-file r.json", "is the same file as r.json");
    expect("train in.h5 out.h5 --steps 1 --checkpoint q --log-file q.previous", "is the same file as q.previous");
    expect("batch list out --log-file list", "is the same file as list");
    expect("batch list out --log-file other.h5", "is an HDF5 file");
    expect("forward in.h5 out.h5 --report other.h5", "is an HDF5 file");
  }
  EXPECT_EQ(read_bytes(shop.path("in.h5")), before);
  EXPECT_EQ(read_bytes(shop.path("q.previous")), "mine");
}

TEST(TwoRuns, OfTheSameResultLeaveOneOfThem) {
  const Workshop shop;
  generate(shop, "a.h5", 200);
  generate(shop, "b.h5", 200, "--seed 2");
  ASSERT_EQ(shop.tattn("gradient a.h5 of_a.h5").status, 0);
  ASSERT_EQ(shop.tattn("gradient b.h5 of_b.h5").status, 0);
  auto other = std::async(std::launch::async, [&] { return shop.tattn("gradient a.h5 out.h5 --force", 2); });
  const Outcome one = shop.tattn("gradient b.h5 out.h5 --force", 2), two = other.get();
  for (const Outcome* run : {&one, &two})
    if (run->status != 0) expect_one_line(*run, 1, "another run");
  EXPECT_TRUE(one.status == 0 || two.status == 0);
  const bool of_a = shop.tattn("verify a.h5 out.h5").status == 0,
             of_b = shop.tattn("verify b.h5 out.h5").status == 0;
  EXPECT_NE(of_a, of_b);
  EXPECT_EQ(shop.names(), (std::vector<std::string>{"a.h5", "b.h5", "of_a.h5", "of_b.h5", "out.h5"}));
}

int kills() {
  const char* text = std::getenv("TATTN_KILLS");
  return text ? std::atoi(text) : 3;
}

/// The line of a report that has the loss.
std::string loss_line(const std::string& report) {
  const std::size_t begin = report.rfind("\"loss\"");
  return report.substr(begin, report.find_first_of(",\n}", begin) - begin);
}

/// Ends one rank of a run at a random moment; the run must end too.
void kill_a_rank(const Workshop& shop, const std::string& arguments, std::mt19937& draw) {
  const int launcher = shop.start_tattn(arguments, 2);
  std::vector<int> ranks;
  wait_for([&] {
    ranks.clear();
    for (const int process : descendants(launcher))
      if (runs_tattn(process)) ranks.push_back(process);
    return ranks.size() == 2 || waitpid(launcher, nullptr, WNOHANG) == launcher;
  });
  if (ranks.size() != 2) return;  // it was quicker
  std::this_thread::sleep_for(std::chrono::milliseconds(draw() % 1500));
  kill(ranks[draw() % 2], SIGKILL);
  const auto begin = std::chrono::steady_clock::now();
  waitpid(launcher, nullptr, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

// TATTN_KILLS times: what a run that is killed leaves is gone on with, to the loss of a run that is not killed.
TEST(KilledAtRandom, TrainingGoesOnToTheSameLoss) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --problem --model-dim 6 --rows 120 --dim 4 --dtype f64").status, 0);
  const std::string train = "train in.h5 out.h5 --force --quiet --method exact --steps 25 --report r.json";
  ASSERT_EQ(shop.tattn(train, 2).status, 0);
  const std::string unbroken = loss_line(read_bytes(shop.path("r.json")));
  std::mt19937 draw(12);
  for (int round = 0; round < kills(); ++round) {
    fs::remove(shop.path("out.h5"));
    const std::string keep = " --checkpoint run.ckpt --checkpoint-every 2";
    kill_a_rank(shop, train + keep, draw);
    const std::string resume = fs::exists(shop.path("run.ckpt")) ? " --resume run.ckpt" : "";
    const Outcome again = shop.tattn(train + keep + resume, 2);
    EXPECT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(loss_line(read_bytes(shop.path("r.json"))), unbroken);
    fs::remove(shop.path("run.ckpt"));
    fs::remove(shop.path("run.ckpt.previous"));
  }
}

// TATTN_KILLS times each: what is there is whole, and the next run completes with the same numbers.
TEST(KilledAtRandom, LeavesWholeFilesAndARerunCompletes) {
  const Workshop shop;
  fs::create_directory(shop.path("in"));
  for (int f = 0; f < 4; ++f) generate(shop, fmt::format("in/{}.h5", f), 150 + f);
  generate(shop, "in.h5", 300);
  std::mt19937 draw(11);
  for (int round = 0; round < kills(); ++round)
    for (const std::string command : {"forward", "gradient", "batch"}) {
      const std::string arguments = command == "batch" ? "batch in out" : command + " in.h5 out.h5 --force";
      kill_a_rank(shop, arguments, draw);
      if (command == "batch") {
        for (int f = 0; f < 4; ++f) {
          const std::string result = fmt::format("out/{}.h5", f);
          if (!fs::exists(shop.path(result))) continue;
          EXPECT_EQ(shop.tattn(fmt::format("verify in/{}.h5 {}", f, result)).status, 0);
        }
      } else if (fs::exists(shop.path("out.h5"))) {
        EXPECT_EQ(shop.tattn("verify in.h5 out.h5").status, 0);
      }
      EXPECT_EQ(shop.tattn(arguments, 2).status, 0);
      fs::remove_all(shop.path("out"));
    }
}

}  // namespace
}  // namespace tattn::test
