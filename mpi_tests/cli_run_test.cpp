// Whole runs of the program: what comes out, at several rank counts, and what stays when one is killed.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "io/hdf5.hpp"
#include "support/file_spec.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using io::Handle;
using nlohmann::json;

void expect_done(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.err;
}

/// Entry `place` of a float32 dataset becomes spoil(entry).
void spoil_entry(const std::string& path, const std::string& name, hsize_t place,
                 const std::function<float(float)>& spoil) {
  const Handle file(TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
  const Handle dataset(TATTN_H5(H5Dopen2, file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(TATTN_H5(H5Dget_space, dataset.get()), H5Sclose);
  std::vector<float> values(static_cast<std::size_t>(TATTN_H5(H5Sget_simple_extent_npoints, space.get())));
  TATTN_H5(H5Dread, dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  values.at(place) = spoil(values.at(place));
  TATTN_H5(H5Dwrite, dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

TEST(Generate, GivesTheSameBytesAtAnyRankCount) {
  const Workshop shop;
  std::set<std::string> contents;
  for (const int ranks : {1, 2, 3}) {
    expect_done(shop.tattn(fmt::format("generate {}.h5 --rows 11 --key-rows 7,9 --dim 5 --value-dim 3 --batch 2 "
                                       "--heads 3 --seed 42 --scale 0.5 --upstream --dtype f64",
                                       ranks),
                           ranks));
    contents.insert(read_bytes(shop.path(fmt::format("{}.h5", ranks))));
  }
  EXPECT_EQ(contents.size(), 1U);
  expect_done(
      shop.tattn("generate other.h5 --rows 11 --key-rows 7,9 --dim 5 --value-dim 3 --batch 2 --heads 3 "
                 "--seed 43 --scale 0.5 --upstream --dtype f64"));
  EXPECT_FALSE(contents.contains(read_bytes(shop.path("other.h5"))));
}

TEST(Info, SaysWhatAFileHolds) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 6 --dim 4 --order 3 --heads 2 --target --causal"));
  const Outcome one = shop.tattn("info in.h5"), three = shop.tattn("info in.h5", 3);
  expect_done(one);
  EXPECT_NE(one.out.find("(2, 6, 4)"), std::string::npos) << one.out;
  EXPECT_NE(one.out.find("order 3, 2 slices, scale 0.25 (1/dim), causal"), std::string::npos) << one.out;
  EXPECT_EQ(one.out, three.out);
}

TEST(Info, TakesAScaleOfAnyNumberType) {
  const Workshop shop;
  const int whole = 2;
  const long double wide = 2;
  for (const auto& [type, value] :
       {std::pair<hid_t, const void*>{H5T_NATIVE_INT, &whole}, {H5T_NATIVE_LDOUBLE, &wide}}) {
    FileSpec spec = operand_spec();
    spec.extra = [type = type, value = value](hid_t file) { add_attribute(file, "scale", type, value); };
    spec.write(shop.path("in.h5"));
    const Outcome info = shop.tattn("info in.h5");
    expect_done(info);
    EXPECT_NE(info.out.find("scale 2,"), std::string::npos) << info.out;
  }
}

struct Case {
  std::string generate;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.generate;
}

class RoundTrip : public testing::TestWithParam<Case> {};

TEST_P(RoundTrip, OfGradientAndVerifyAtTwoRankCounts) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 " + GetParam().generate));
  for (const int ranks : {1, 3}) {
    expect_done(shop.tattn(fmt::format("gradient in.h5 {}.h5 --threads 2", ranks), ranks));
    const Outcome verified = shop.tattn(fmt::format("verify in.h5 {}.h5 --tolerance 1e-4", ranks), 4 - ranks);
    expect_done(verified);
    EXPECT_NE(verified.out.find("\ndirection "), std::string::npos) << verified.out;
    EXPECT_EQ(verified.out.find("skipped"), std::string::npos) << verified.out;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cli, RoundTrip,
    testing::Values(Case{"--rows 40 --key-rows 30,20 --dim 6 --value-dim 5 --upstream"},
                    Case{"--rows 33 --dim 7 --order 1 --batch 2 --heads 2 --target --dtype f64"},
                    Case{"--rows 20 --dim 4 --causal --upstream --heads 2"},
                    Case{"--rows 25 --dim 4 --order 1 --causal --upstream"},
                    Case{"--rows 9 --dim 5 --order 3 --causal --target --dtype f64"},
                    Case{"--rows 5 --key-rows 1 --dim 3 --order 2 --upstream"},  // dQ and dK are zero
                    Case{"--rows 30 --dim 6 --spread 50 --upstream"},  // scores of which float32 holds 0.03
                    Case{"--rows 2 --dim 3 --order 4 --upstream --scale -2"}));

TEST(Forward, IsVerifiedWithTheScaleAndMaskItWasMadeWith) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 24 --dim 6"));
  expect_done(shop.tattn("forward in.h5 out.h5 --scale 0.7 --causal"));
  expect_done(shop.tattn("verify in.h5 out.h5", 3));
  const Outcome wrong = shop.tattn("verify in.h5 out.h5 --scale 0.3", 3);
  EXPECT_EQ(wrong.status, 4);
}

class Spoilt : public testing::TestWithParam<std::string> {};

TEST_P(Spoilt, IsFoundByVerify) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 12 --dim 4 --upstream"));
  expect_done(shop.tattn("gradient in.h5 out.h5"));
  const auto wrong = [](float x) { return 2 * x + 1; };
  const auto no_number = [](float) { return std::numeric_limits<float>::quiet_NaN(); };
  for (const std::function<float(float)>& spoil : {std::function<float(float)>(wrong), {no_number}}) {
    spoil_entry(shop.path("out.h5"), GetParam(), 5, spoil);
    for (const int ranks : {1, 3}) {
      const Outcome outcome = shop.tattn("verify in.h5 out.h5", ranks);
      EXPECT_EQ(outcome.status, 4) << outcome.out;
      ASSERT_EQ(outcome.lines().size(), 1U) << outcome.err;
      EXPECT_TRUE(outcome.lines()[0].starts_with("tattn: error: out.h5: ")) << outcome.err;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cli, Spoilt, testing::Values("O", "LSE", "dQ", "dK1", "dK2", "dV1", "dV2"));

// Scores overflow float32, O does not exist: an error of one line on every rank, and no file.
TEST(Forward, WritesNothingWhereNumbersOverflow) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 12 --dim 4 --upstream"));
  for (const std::string command : {"forward", "gradient"})
    for (const int ranks : {1, 3}) {
      const Outcome outcome = shop.tattn(command + " in.h5 out.h5 --method exact --scale 1e300", ranks);
      EXPECT_EQ(outcome.status, 1) << outcome.err;
      ASSERT_EQ(outcome.lines().size(), 1U) << outcome.err;
      EXPECT_NE(outcome.lines()[0].find("overflow float32"), std::string::npos) << outcome.err;
      EXPECT_FALSE(std::filesystem::exists(shop.path("out.h5")));
    }
}

void expect_keys(const json& object, const std::set<std::string>& keys) {
  std::set<std::string> found;
  for (const auto& [key, value] : object.items()) found.insert(key);
  EXPECT_EQ(found, keys);
}

TEST(Report, HasEveryKey) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 12 --dim 4 --target"));
  expect_done(shop.tattn("gradient in.h5 out.h5 --report run.json --threads 2", 3));
  const json report = json::parse(read_bytes(shop.path("run.json")));
  expect_keys(report, {"version", "command", "input", "output", "ranks", "threads", "problem", "plan", "error",
                       "seconds", "flops", "bytes_communicated", "peak_memory_bytes", "loss"});
  expect_keys(report["problem"],
              {"order", "slices", "rows", "key_rows", "dim", "value_dim", "dtype", "causal", "scale"});
  expect_keys(report["plan"], {"method", "reason", "error_mode", "tolerance", "degree", "features", "heavy_rows",
                               "grid", "predicted", "exact_seconds", "polynomial_seconds"});
  expect_keys(report["plan"]["grid"], {"slices", "sequence", "features"});
  expect_keys(report["plan"]["predicted"], {"seconds", "flops", "bytes_communicated", "bytes_memory"});
  expect_keys(report["error"], {"measured", "certified", "worst_row"});
  expect_keys(report["seconds"], {"read", "plan", "forward", "gradient", "full_gradient", "write", "total"});
  expect_keys(report["flops"], {"forward", "gradient"});
  EXPECT_EQ(report["ranks"], 3);
  EXPECT_EQ(report["threads"], 2);
  EXPECT_EQ(report["flops"]["forward"], 2.0 * (4 + 4 + 1) * 12 * 12 * 12);
  EXPECT_EQ(report["flops"]["gradient"], 2.0 * (3 * 4 + 3 * 4) * 12 * 12 * 12);
  EXPECT_GT(report["loss"].get<double>(), 0);
  EXPECT_TRUE(report["plan"]["features"].is_null());
  EXPECT_GT(report["peak_memory_bytes"].get<double>(), 0);
}

TEST(Memory, ThatWouldNotSufficeIsSaidBeforehand) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --rows 64 --dim 4"));
  for (const int ranks : {1, 3}) {
    const Outcome outcome = shop.tattn("forward in.h5 out.h5 --memory 1K", ranks);
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_EQ(outcome.lines().size(), 1U) << outcome.err;
    EXPECT_EQ(shop.names(), std::vector<std::string>{"in.h5"});
  }
}

int wait_for_rank(int launcher) {
  for (int tries = 0; tries < 200; ++tries) {
    for (const int process : descendants(launcher))
      if (runs_tattn(process)) return process;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return 0;
}

TEST(Killed, LeavesAnExistingOutputAsItWas) {
  const Workshop shop;
  expect_done(shop.tattn("generate small.h5 --rows 8 --dim 4 --upstream"));
  expect_done(shop.tattn("gradient small.h5 out.h5"));
  const std::string before = read_bytes(shop.path("out.h5"));
  expect_done(shop.tattn("generate large.h5 --rows 4000 --dim 16 --upstream"));  // minutes of work
  const int launcher = shop.start_tattn("gradient large.h5 out.h5 --force", 3);
  const int rank = wait_for_rank(launcher);
  ASSERT_GT(rank, 0);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  ASSERT_EQ(kill(rank, SIGKILL), 0);
  int ended = 0;
  ASSERT_EQ(waitpid(launcher, &ended, 0), launcher);
  EXPECT_NE(ended, 0);
  EXPECT_EQ(read_bytes(shop.path("out.h5")), before);

  expect_done(shop.tattn("gradient small.h5 out.h5 --force", 3));  // what the killed run left is no obstacle
  EXPECT_EQ(shop.names(), (std::vector<std::string>{"large.h5", "out.h5", "small.h5"}));
}

}  // namespace
}  // namespace tattn::test
