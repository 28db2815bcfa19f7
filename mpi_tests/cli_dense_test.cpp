// The dense method and the spectrum as a user runs them: the results are those of exact, refusals are one line.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using nlohmann::json;

class Dense : public testing::TestWithParam<int> {};

TEST_P(Dense, GradientIsWhatVerifyExpects) {
  const Workshop shop;
  for (const std::string shape :
       {"--rows 30 --key-rows 12,9 --dim 5 --value-dim 4 --batch 2 --target",
        "--rows 14 --dim 3 --causal --upstream --dtype f64", "--rows 25 --dim 4 --order 1 --upstream"}) {
    ASSERT_EQ(shop.tattn("generate in.h5 --force " + shape).status, 0);
    const Outcome done = shop.tattn("gradient in.h5 out.h5 --force --method dense --report run.json", GetParam());
    ASSERT_EQ(done.status, 0) << done.err;
    // The exact method judges the dense one, and the dense one judges itself.
    for (const std::string method : {"exact", "dense"}) {
      const Outcome verified =
          shop.tattn("verify in.h5 out.h5 --tolerance 1e-4 --method " + method, 4 - GetParam());
      EXPECT_EQ(verified.status, 0) << method << verified.out << verified.err;
    }
    const json report = json::parse(read_bytes(shop.path("run.json")));
    EXPECT_EQ(report["plan"]["method"], "dense");
    EXPECT_GT(report["plan"]["predicted"]["bytes_memory"].get<double>(), 0);
    EXPECT_TRUE(report["bytes_communicated"].is_null());
  }
}

TEST_P(Dense, JudgesTheExactMethod) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 20 --dim 4 --upstream").status, 0);
  ASSERT_EQ(shop.tattn("gradient in.h5 out.h5 --method exact", GetParam()).status, 0);
  const Outcome verified =
      shop.tattn("verify in.h5 out.h5 --tolerance 1e-4 --method dense --report run.json", GetParam());
  EXPECT_EQ(verified.status, 0) << verified.out << verified.err;
  EXPECT_NE(read_bytes(shop.path("run.json")).find("\"method\": \"dense\""), std::string::npos);
  EXPECT_EQ(shop.tattn("verify in.h5 out.h5 --scale 0.3 --method dense", GetParam()).status, 4);
}

TEST_P(Dense, RefusesWhatItCannotDo) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate three.h5 --rows 6 --dim 2 --order 3").status, 0);
  ASSERT_EQ(shop.tattn("generate large.h5 --rows 400 --dim 2").status, 0);
  ASSERT_EQ(shop.tattn("generate long.h5 --rows 5000 --key-rows 2,2 --dim 2").status, 0);
  const std::vector<std::tuple<std::string, int, std::string>> refusals{
      {"forward three.h5 out.h5 --method dense", 2, "three.h5: --method dense does orders 1 and 2"},
      {"forward large.h5 out.h5 --method dense --memory 80M", 1, "not enough memory"},
      {"info three.h5 --spectrum", 2, "orders 1 and 2, not order 3"},
      {"info long.h5 --spectrum", 1, "at most 4096 query rows"}};
  for (const auto& [arguments, status, says] : refusals) expect_refused(shop, arguments, GetParam(), status, says);
}

/// The numbers after "singular values": index, value, its share and the sum of shares in per cent.
struct Line {
  int index = 0;
  double value = 0, share = 0, together = 0;
};

std::vector<Line> spectrum_lines(const std::string& out) {
  std::istringstream text(out.substr(out.find("singular values")));
  std::string rest;
  std::getline(text, rest);
  std::vector<Line> lines;
  Line line;
  std::string unit, word;
  while (text >> line.index >> line.value >> line.share >> unit >> word >> line.together >> unit)
    lines.push_back(line);
  return lines;
}

// Without scores every weight is 1/N: a matrix of rank one.
TEST_P(Dense, SpectrumOfEqualWeightsHasOneValue) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 40 --key-rows 10,8 --dim 3 --scale 0").status, 0);
  const Outcome info = shop.tattn("info in.h5 --spectrum", GetParam());
  ASSERT_EQ(info.status, 0) << info.err;
  const auto lines = spectrum_lines(info.out);
  ASSERT_EQ(lines.size(), 1U) << info.out;
  EXPECT_NEAR(lines[0].value, std::sqrt(40.0 / 80), 1e-6) << info.out;  // as printed
  EXPECT_NEAR(lines[0].share, 100, 1e-6);
  EXPECT_NE(info.out.find("lost in rounding"), std::string::npos) << info.out;
}

TEST_P(Dense, SpectrumFallsAndAddsUp) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 45 --key-rows 7,9 --dim 4 --spread 1.5").status, 0);
  const Outcome info = shop.tattn("info in.h5 --spectrum --spectrum-count 45", GetParam());
  ASSERT_EQ(info.status, 0) << info.err;
  const auto lines = spectrum_lines(info.out);
  ASSERT_GT(lines.size(), 5U) << info.out;
  for (std::size_t k = 1; k < lines.size(); ++k) EXPECT_LE(lines[k].value, lines[k - 1].value);
  EXPECT_NEAR(lines.back().together, 100, 1e-6) << info.out;
  EXPECT_EQ(spectrum_lines(shop.tattn("info in.h5 --spectrum --spectrum-count 3").out).size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Cli, Dense, testing::Values(1, 3));

}  // namespace
}  // namespace tattn::test
