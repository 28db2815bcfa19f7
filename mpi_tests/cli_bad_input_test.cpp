// Bad input files end to end: status 3 at every rank count, one line that names the file, nothing written.
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "support/file_spec.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

struct Bad {
  std::string name;
  std::string says;  ///< part of the line
  std::function<void(const std::string& path)> make;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

Bad spoilt(const std::string& name, const std::string& says, const std::function<void(FileSpec&)>& spoil) {
  return {name, says, [=](const std::string& path) {
            FileSpec spec = operand_spec();
            spoil(spec);
            spec.write(path);
          }};
}

Bad without(const std::string& dataset) {
  return spoilt("no" + dataset, "'" + dataset + "'", [=](FileSpec& file) { file.datasets.erase(dataset); });
}

Bad reshaped(const std::string& name, const std::string& dataset, const std::vector<std::int64_t>& dims) {
  return spoilt(name, "'" + dataset + "'", [=](FileSpec& file) { file.datasets[dataset].dims = dims; });
}

void truncate(const std::string& path) {
  operand_spec().write(path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
}

void set_causal(FileSpec& file) {
  file.extra = [](hid_t id) {
    const int one = 1;
    add_attribute(id, "causal", H5T_NATIVE_INT, &one);
  };
}

void set_endless_scale(FileSpec& file) {
  file.extra = [](hid_t id) {
    const double scale = std::numeric_limits<double>::infinity();
    add_attribute(id, "scale", H5T_NATIVE_DOUBLE, &scale);
  };
}

const std::vector<Bad> kBad = {
    {"missing", "there is no such file", [](const std::string&) {}},
    {"empty", "is empty", [](const std::string& path) { write_bytes(path, ""); }},
    {"text", "is not an HDF5 file", [](const std::string& path) { write_bytes(path, "Q = 1, 2, 3\n"); }},
    {"truncated", "in.h5", truncate},
    {"folder", "is a folder", [](const std::string& path) { std::filesystem::create_directory(path); }},
    without("Q"),
    without("K1"),
    without("V2"),
    without("dO"),
    reshaped("columns", "K2", {6, 5}),
    reshaped("rows", "V1", {4, 3}),
    reshaped("slices", "K1", {2, 5, 4}),
    reshaped("rank1", "Q", {28}),
    reshaped("noRows", "Q", {0, 4}),
    spoilt("integers", "'K1'", [](FileSpec& file) { file.datasets["K1"].type = H5T_STD_I32LE; }),
    spoilt("mixed", "'V2'", [](FileSpec& file) { file.datasets["V2"].type = H5T_IEEE_F64LE; }),
    spoilt("nan", "'V1' has nan in row 3",
           [](FileSpec& file) { file.datasets["V1"].entries[10] = std::numeric_limits<double>::quiet_NaN(); }),
    spoilt("causal", "causal", set_causal),
    spoilt("scale", "scale", set_endless_scale),
    spoilt("both", "'E'", [](FileSpec& file) { file.datasets["E"] = file.datasets["dO"]; })};

class BadInput : public testing::TestWithParam<Bad> {};

TEST_P(BadInput, IsOneLineAndStatus3) {
  for (const int ranks : {1, 3}) {
    const Workshop shop;
    GetParam().make(shop.path("in.h5"));
    const auto before = shop.names();
    const Outcome outcome = shop.tattn("gradient in.h5 out.h5", ranks);
    EXPECT_EQ(outcome.status, 3) << outcome.err;
    ASSERT_EQ(outcome.lines().size(), 1U) << outcome.err;
    EXPECT_TRUE(outcome.lines()[0].starts_with("tattn: error: in.h5: ")) << outcome.err;
    EXPECT_NE(outcome.lines()[0].find(GetParam().says), std::string::npos) << outcome.err;
    if (ranks == 1) {  // without what mpirun adds
      EXPECT_EQ(outcome.err, outcome.lines()[0] + "\n");
    }
    EXPECT_EQ(shop.names(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(Cli, BadInput, testing::ValuesIn(kBad), [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tattn::test
