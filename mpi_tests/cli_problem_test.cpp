// Problem files as a user meets them: generated, looked at, computed by every method, verified, refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "support/file_spec.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using nlohmann::json;

void expect_done(const Outcome& outcome) {
  ASSERT_EQ(outcome.status, 0) << outcome.err;
}

double loss_of(const Workshop& shop, const std::string& report) {
  return json::parse(read_bytes(shop.path(report)))["loss"].get<double>();
}

TEST(ProblemFile, IsTheSameBytesAtAnyRankCount) {
  const Workshop shop;
  for (const char* options : {"--dtype f64 --noise 0.1", "--order 1 --causal", "--key-rows 70,90 --model-dim 3"}) {
    std::set<std::string> contents;
    for (const int ranks : {1, 2, 3}) {
      expect_done(
          shop.tattn(fmt::format("generate {}.h5 --force --problem --rows 150 --dim 4 {}", ranks, options), ranks));
      contents.insert(read_bytes(shop.path(fmt::format("{}.h5", ranks))));
    }
    EXPECT_EQ(contents.size(), 1U) << options;
  }
}

TEST(ProblemFile, IsDescribedAndPlanned) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --problem --rows 20 --dim 3 --model-dim 5 --order 3 --key-rows 6"));
  for (const int ranks : {1, 3}) {
    const Outcome info = shop.tattn("info in.h5", ranks);
    expect_done(info);
    for (const char* says : {"problem file", "A7", "(6, 5)", "X4", "Y3", "(5, 3)", "order 3"})
      EXPECT_NE(info.out.find(says), std::string::npos) << says << info.out;
    expect_done(shop.tattn("plan in.h5", ranks));
  }
}

TEST(ProblemFile, EveryMethodComputesTheSameLossAndIsVerified) {
  const Workshop shop;
  expect_done(
      shop.tattn("generate in.h5 --problem --rows 16 --dim 3 --model-dim 4 --value-dim 2 --noise 0.1 --dtype f64"));
  std::set<std::string> losses;
  for (const std::string method : {"exact", "polynomial", "dense", "auto"})
    for (const int ranks : {1, 3}) {
      expect_done(
          shop.tattn(fmt::format("gradient in.h5 out.h5 --force --full-gradient --method {} --tolerance 1e-4 "
                                 "--report run.json",
                                 method),
                     ranks));
      losses.insert(fmt::format("{:.3g}", loss_of(shop, "run.json")));
      const Outcome verified = shop.tattn("verify in.h5 out.h5 --tolerance 1e-3", 4 - ranks);
      EXPECT_EQ(verified.status, 0) << method << verified.out << verified.err;
      EXPECT_NE(verified.out.find("\ndirection "), std::string::npos) << verified.out;
    }
  EXPECT_EQ(losses.size(), 1U);
}

TEST(ProblemFile, ForwardGivesTheLoss) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --problem --rows 12 --dim 3 --order 1"));
  expect_done(shop.tattn("forward in.h5 one.h5 --report one.json"));
  expect_done(shop.tattn("gradient in.h5 three.h5 --report three.json", 3));
  EXPECT_NEAR(loss_of(shop, "one.json"), loss_of(shop, "three.json"), 1e-5 * loss_of(shop, "one.json"));
  expect_done(shop.tattn("verify in.h5 one.h5", 3));
}

TEST(ProblemFile, WrongOnesAreOneLineAndStatus3) {
  for (const std::string name : {"A2", "X1", "Y2", "E"})
    for (const int ranks : {1, 3}) {
      const Workshop shop;
      FileSpec spec = problem_spec();
      spec.datasets.erase(name);
      spec.write(shop.path("in.h5"));
      expect_refused(shop, "gradient in.h5 out.h5", ranks, 3, "in.h5: dataset '" + name + "' is missing");
    }
}

TEST(ProblemFile, FullGradientIsOfOrderTwoProblemFiles) {
  const Workshop shop;
  expect_done(shop.tattn("generate one.h5 --problem --rows 6 --dim 2 --order 1"));
  expect_done(shop.tattn("generate operands.h5 --rows 6 --dim 2 --upstream"));
  for (const int ranks : {1, 3}) {
    expect_refused(shop, "gradient one.h5 out.h5 --full-gradient", ranks, 2, "--full-gradient is of order 2");
    expect_refused(shop, "gradient operands.h5 out.h5 --full-gradient", ranks, 2,
                   "--full-gradient is of problem files");
  }
}

// dX alone has 200^3 numbers of 8 bytes.
TEST(ProblemFile, MemoryOfTheFullGradientIsAskedForBeforehand) {
  const Workshop shop;
  expect_done(shop.tattn("generate p.h5 --problem --model-dim 200 --rows 16 --dim 2 --quiet"));
  for (const std::string method : {"exact", "polynomial", "dense", "auto"}) {
    const std::string how =
        fmt::format("gradient p.h5 out.h5 --force --method {} --tolerance 0.5 --memory 100M", method);
    expect_done(shop.tattn(how));
    expect_refused(shop, how + " --full-gradient", 2, 1, "not enough memory");
  }
}

TEST(ProblemFile, ASpoiltResultIsFound) {
  const Workshop shop;
  expect_done(shop.tattn("generate in.h5 --problem --rows 20 --dim 3 --dtype f64"));
  expect_done(shop.tattn("gradient in.h5 out.h5 --full-gradient"));
  // The gradient of other weights' scale: O and LSE no longer fit either.
  EXPECT_EQ(shop.tattn("verify in.h5 out.h5 --scale 0.5", 3).status, 4);
}

}  // namespace
}  // namespace tattn::test
