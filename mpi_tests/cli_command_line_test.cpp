// What is wrong with a command line is found before any computing: status 2, one line, nothing written.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/run_program.hpp"

namespace tattn::test {
namespace {

struct Wrong {
  std::string arguments;
  std::string says;  ///< part of the line
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.arguments;
}

class WrongCommandLine : public testing::TestWithParam<Wrong> {};

TEST_P(WrongCommandLine, IsOneLineAndStatus2) {
  for (const int ranks : {1, 3}) {
    const Workshop shop;
    const Outcome outcome = shop.tattn(GetParam().arguments, ranks);
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    ASSERT_EQ(outcome.lines().size(), 1U) << outcome.err;
    EXPECT_TRUE(outcome.lines()[0].starts_with("tattn: error: "));
    EXPECT_NE(outcome.lines()[0].find(GetParam().says), std::string::npos) << outcome.err;
    if (ranks == 1) {  // without what mpirun adds
      EXPECT_EQ(outcome.err, outcome.lines()[0] + "\n");
    }
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(shop.names(), std::vector<std::string>{});
  }
}

const std::vector<Wrong> kWrong = {
    {"", "no command"},
    {"foward in.h5 out.h5", "unknown command 'foward': did you mean 'forward'?"},
    {"xyzzy", "use one of generate, info"},
    {"train in.h5 out.h5", "--steps"},
    {"forward", "IN is required"},
    {"forward --tolernce 1 in.h5 out.h5",
     "unknown option '--tolernce' of tattn forward: did you mean '--tolerance'?"},
    {"forward in.h5 out.h5 --frobnicate", "see tattn forward --help"},
    {"info in.h5 --spectrum --spectrum-count 0", "--spectrum-count"},
    {"forward in.h5 out.h5 --method quick", "--method"},
    {"forward in.h5 out.h5 --degree 3", "--degree and --features belong to --method polynomial"},
    {"forward in.h5 out.h5 --grid 1,1", "--grid belongs to --method polynomial"},
    {"forward in.h5 out.h5 --method exact --grid 5,1", "--grid belongs to --method polynomial"},
    {"forward in.h5 out.h5 --method polynomial --grid 5,1", "--grid 5,1: 5 sequence blocks times 1 feature groups"},
    {"gradient in.h5 out.h5 --method polynomial --grid 99999,99999", "do not divide"},
    {"gradient in.h5 out.h5 --method polynomial --grid 1", "'1' is not two numbers above 0"},
    {"verify in.h5 out.h5 --method polynomial --grid 1,0", "'1,0' is not two numbers above 0"},
    {"verify in.h5 out.h5 --method polynomial --grid 2,2", "do not divide"},
    {"forward in.h5 out.h5 --threads 0", "--threads"},
    {"forward in.h5 out.h5 --threads 9999999999", "--threads"},
    {"forward in.h5 out.h5 --scale nan", "--scale"},
    {"forward in.h5 out.h5 --tolerance -1", "--tolerance"},
    {"forward in.h5 out.h5 --memory 3X", "--memory"},
    {"forward in.h5 out.h5 --memory 99999999999999999999", "'99999999999999999999' is not a number of bytes"},
    {"forward in.h5 out.h5 --memory 9E", "'9E' is not a number of bytes from 1 to 2^63 - 1"},
    {"forward in.h5 out.h5 --memory 0", "'0' is not a number of bytes"},
    {"forward in.h5 out.h5 --method polynomial --degree 2147483647", "2147483647 not in range 1 to 100"},
    {"forward in.h5 out.h5 --method polynomial --features 3 --error certified", "exclude each other"},
    {"plan in.h5 --ranks 2147483647", "not in range 1 to 1000000"},
    {"study weak out.csv --predict-ranks 1000001", "not in range 1 to 1000000"},
    {"study length out.csv --rows 63", "the study length begins at 64 rows"},
    {"study bound out.csv --rows 1", "the study bound begins at 2 rows"},
    {"study weak out.csv --method polynomial --features 3 --error certified", "exclude each other"},
    {"forward in.h5 ./in.h5", "is the same file as in.h5"},
    {"forward in.h5 ''", "OUT: is empty: expected the path of a file"},
    {"forward '' out.h5", "IN: is empty"},
    {"info ''", "FILE: is empty"},
    {"batch '' out", "LIST: is empty"},
    {"forward in.h5 out.h5 --report ''", "--report: is empty"},
    {"generate out.h5 --dim 4", "--rows is required"},
    {"generate out.h5 --rows 8 --dim 4 --order 5", "--order"},
    {"generate out.h5 --rows 8 --dim 4 --order 3 --key-rows 4,5", "--key-rows names 2 lengths, but --order is 3"},
    {"generate out.h5 --rows 8 --dim 4 --key-rows 7 --causal", "--causal needs as many key rows as rows"},
    {"generate out.h5 --rows 8 --dim 4 --upstream --target", "exclude each other"},
    {"generate out.h5 --rows 8 --dim 4 --noise 1", "belong to --problem"},
    {"generate out.h5 --rows 8 --dim 4 --seed -1", "'-1' is not a whole number from 0 to 2^64 - 1"},
    {"generate out.h5 --rows 8 --dim 4 --spread 1e39", "'Q' would have entries that are not finite in f32"},
    {"generate out.h5 --rows 8 --dim 4 --problem --spread 1e30", "not finite in f32: choose a smaller --spread"},
    {"generate out.h5 --rows 8 --dim 4 --problem --noise 1e300", "'E' would have entries that are not finite"},
    {"generate out.h5 --rows 8 --dim 4 --problem --heads 2", "--problem has no slices"},
    {"generate none/out.h5 --rows 8 --dim 4", "none"},
    {"generate out.h5 --rows 99999999999 --dim 99999999999 --batch 9999", "more than a file can hold"}};

INSTANTIATE_TEST_SUITE_P(Cli, WrongCommandLine, testing::ValuesIn(kWrong));

TEST(CommandLine, HelpAndVersionAreNoErrors) {
  const Workshop shop;
  for (const int ranks : {1, 3}) {
    const Outcome version = shop.tattn("--version", ranks);
    EXPECT_EQ(version.status, 0);
    EXPECT_EQ(version.out, "tattn " TATTN_VERSION_TEXT "\n");
    const Outcome help = shop.tattn("forward --help", ranks);
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("--tolerance"), std::string::npos);
  }
}

class Output : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    ASSERT_EQ(shop_.tattn("generate in.h5 --rows 5 --dim 3 --quiet").status, 0);
    ASSERT_EQ(shop_.tattn("forward in.h5 out.h5 --quiet").status, 0);
    ASSERT_EQ(shop_.tattn("generate up.h5 --rows 5 --dim 3 --upstream --quiet").status, 0);
  }

  void expect_refused(const std::string& arguments, const std::string& says) {
    test::expect_refused(shop_, arguments, GetParam(), 2, says);
  }

  Workshop shop_;
};

TEST_P(Output, IsReplacedOnlyByForce) {
  expect_refused("forward in.h5 out.h5", "out.h5");
  expect_refused("generate out.h5 --rows 5 --dim 3", "out.h5");
  EXPECT_EQ(shop_.tattn("forward in.h5 out.h5 --force", GetParam()).status, 0);
}

TEST_P(Output, IsNotTheInputThroughALink) {
  std::filesystem::create_symlink("in.h5", shop_.path("soft.h5"));
  std::filesystem::create_hard_link(shop_.path("in.h5"), shop_.path("hard.h5"));
  expect_refused("forward in.h5 soft.h5 --force", "soft.h5: is the same file as in.h5");
  expect_refused("gradient in.h5 hard.h5 --force", "hard.h5: is the same file as in.h5");
}

// Open MPI makes longer names of a file's.
TEST_P(Output, MayHaveALongName) {
  const std::string name(240, 'x');
  for (const char* command : {"forward", "gradient"})
    EXPECT_EQ(shop_.tattn(fmt::format("{} up.h5 {} --force", command, name), GetParam()).status, 0);
  EXPECT_EQ(shop_.tattn("verify up.h5 " + name, GetParam()).status, 0);
  expect_refused("forward up.h5 " + std::string(250, 'x'), "File name too long");
}

TEST_P(Output, MustBeOnADisk) {
  expect_refused("forward in.h5 /proc/x.h5", "/proc/x.h5: cannot be written");
}

TEST_P(Output, IsNotMadeByTooManyThreads) {
  expect_refused("forward in.h5 new.h5 --threads 100000", "asks for 100000 threads a rank: at most 1024");
}

TEST_P(Output, TakesMemoryInParts) {
  EXPECT_EQ(shop_.tattn("forward in.h5 new.h5 --memory 0.5G", GetParam()).status, 0);
  EXPECT_EQ(shop_.tattn("forward in.h5 new.h5 --memory 1e9 --force", GetParam()).status, 0);
  EXPECT_EQ(shop_.tattn("forward in.h5 new.h5 --memory '800 MiB' --force", GetParam()).status, 0);
}

TEST_P(Output, NeedsAFolderAndIsNone) {
  std::filesystem::create_directory(shop_.path("folder"));
  expect_refused("forward in.h5 missing/new.h5", "missing");
  expect_refused("forward in.h5 folder --force", "folder");
  expect_refused("forward in.h5 new.h5 --report missing/report.json", "missing");
  expect_refused("forward in.h5 new.h5 --report in.h5", "is the same file as in.h5");
  expect_refused("forward in.h5 new.h5 --report new.h5", "is the same file as new.h5");
}

INSTANTIATE_TEST_SUITE_P(Cli, Output, testing::Values(1, 3));

}  // namespace
}  // namespace tattn::test
