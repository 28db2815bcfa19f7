// Every way an operand file can be wrong: one line that names file and dataset, found and expected, the same on
// every rank, and nothing left behind.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cmath>
#include <limits>

#include "io/operand_file.hpp"
#include "support/file_spec.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using io::Needs;

struct Bad {
  std::string name;
  std::string message;  ///< after "<path>: "
  std::function<void(FileSpec&)> spoil;
  Needs needs = Needs::upstream;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

std::function<void(FileSpec&)> without(const std::string& name) {
  return [=](FileSpec& file) { file.datasets.erase(name); };
}

std::function<void(FileSpec&)> reshaped(const std::string& name, const std::vector<std::int64_t>& dims) {
  return [=](FileSpec& file) { file.datasets[name].dims = dims; };
}

std::function<void(FileSpec&)> retyped(const std::string& name, hid_t type) {
  return [=](FileSpec& file) { file.datasets[name].type = type; };
}

std::function<void(FileSpec&)> with_attribute(const std::string& name, hid_t type, double value,
                                              hsize_t values = 1) {
  return [=](FileSpec& file) {
    file.extra = [=](hid_t id) {
      if (H5Tget_class(type) == H5T_FLOAT) {
        const std::vector<double> all(values, value);
        add_attribute(id, name, type, all.data(), values);
      } else {
        const std::vector<std::int64_t> all(values, static_cast<std::int64_t>(value));
        add_attribute(id, name, type, all.data(), values);
      }
    };
  };
}

const double kInfinity = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<Bad> missing_ones() {
  const std::string what = "an operand file has Q, K1 to Kt and V1 to Vt";
  const std::string gap = "but 'V2' is there: expected K1 to K2 and V1 to V2, without a gap";
  return {
      {"NoQ", "dataset 'Q' is missing: " + what, without("Q")},
      {"NoKeys", "dataset 'K1' is missing: " + what,
       [](FileSpec& f) {
         for (const char* name : {"K1", "K2", "V1", "V2"}) f.datasets.erase(name);
       }},
      {"NoK1", "dataset 'K1' is missing, " + gap, without("K1")},
      {"NoK2", "dataset 'K2' is missing, " + gap, without("K2")},
      {"NoV1", "dataset 'V1' is missing, " + gap, without("V1")},
      {"NoV2", "dataset 'V2' is missing, but 'K2' is there: expected K1 to K2 and V1 to V2, without a gap",
       without("V2")},
      {"Gap", "dataset 'K3' is missing, but 'V4' is there: expected K1 to K4 and V1 to V4, without a gap",
       [](FileSpec& f) { f.datasets["K4"] = f.datasets["K2"], f.datasets["V4"] = f.datasets["V2"]; }},
      {"OrderFive", "dataset 'K5' has number 5, expected at most 4: orders 1 to 4 are computed",
       [](FileSpec& f) { f.datasets["K5"] = f.datasets["K2"]; }},
      {"NoUpstream", "dataset 'dO' is missing, and 'E' too: a gradient needs an upstream gradient or a target",
       without("dO")},
      {"UpstreamAndTarget",
       "dataset 'dO' is there and so is 'E': expected one of them, the upstream gradient or a target",
       [](FileSpec& f) { f.datasets["E"] = f.datasets["dO"]; }, Needs::operands},
      {"ProblemFile",
       "dataset 'A2' is missing, but 'A1' is there: a problem file of order 1 has A1 to A3, X1 to X2, Y1 to Y1 and "
       "E",
       [](FileSpec& f) { f.datasets["A1"] = f.datasets["Q"]; }},
  };
}

std::vector<Bad> wrong_shapes() {
  const std::string slices = "the leading dimensions (batch, heads) must be the same";
  return {
      {"KeyColumns", "dataset 'K2' has 64 columns, but Q has 4: keys and queries must share the key dim",
       reshaped("K2", {6, 64})},
      {"ValueColumns", "dataset 'V2' has 2 columns, but V1 has 3: values must share the value dim",
       reshaped("V2", {6, 2})},
      {"KeyAndValueRows",
       "dataset 'V1' has 9 rows, but K1 has 5: a key and its value must have the same number of rows",
       reshaped("V1", {9, 3})},
      {"UpstreamRows", "dataset 'dO' has 8 rows, but Q has 7: the output has a row for each query",
       reshaped("dO", {8, 3}), Needs::operands},
      {"UpstreamColumns", "dataset 'dO' has 4 columns, but V1 has 3: the output has the value dim",
       reshaped("dO", {7, 4})},
      {"LeadingDims", "dataset 'K1' has shape (2, 5, 4), but Q has (7, 4): " + slices, reshaped("K1", {2, 5, 4})},
      {"LeadingDimsOfValue", "dataset 'V2' has shape (1, 6, 3), but Q has (7, 4): " + slices,
       reshaped("V2", {1, 6, 3})},
      {"Scalar", "dataset 'Q' has shape (), 0 dimensions: expected at least 2, (..., rows, columns)",
       reshaped("Q", {})},
      {"OneDim", "dataset 'V1' has shape (5,), 1 dimension: expected at least 2, (..., rows, columns)",
       reshaped("V1", {5})},
      {"NoRows", "dataset 'Q' has shape (0, 4), no rows: expected at least 1", reshaped("Q", {0, 4})},
      {"NoColumns", "dataset 'K1' has shape (5, 0), no columns: expected at least 1", reshaped("K1", {5, 0})},
      {"NoSlices", "dataset 'K1' has shape (0, 5, 4), no slices: expected at least 1", reshaped("K1", {0, 5, 4})},
      {"CausalUnequal",
       "dataset 'K1' has 5 rows, but Q has 7: causal attention needs as many key rows as query rows",
       with_attribute("causal", H5T_NATIVE_INT64, 1)},
  };
}

std::vector<Bad> wrong_types() {
  const std::string convert = ", expected float32 or float64: convert it";
  return {
      {"Integer", "dataset 'Q' is of type int32" + convert, retyped("Q", H5T_STD_I32LE)},
      {"Unsigned", "dataset 'K1' is of type uint8" + convert, retyped("K1", H5T_STD_U8LE)},
      {"String", "dataset 'V1' is of type string" + convert, retyped("V1", H5T_C_S1)},
      {"Mixed", "dataset 'V2' is of type float64, but Q is float32: one type in a file, convert one of them",
       retyped("V2", H5T_IEEE_F64LE)},
      {"Group", "'K2' is a group: expected a dataset",
       [](FileSpec& f) {
         f.datasets.erase("K2");
         f.extra = [](hid_t id) { H5Gclose(H5Gcreate2(id, "K2", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); };
       }},
      {"DeadLink", "dataset 'Q' is a link that leads nowhere: expected a dataset",
       [](FileSpec& f) {
         f.datasets.erase("Q");
         f.extra = [](hid_t id) { H5Lcreate_soft("/nowhere", id, "Q", H5P_DEFAULT, H5P_DEFAULT); };
       }},
      {"ScaleInf", "attribute 'scale' is inf, expected a finite number",
       with_attribute("scale", H5T_NATIVE_DOUBLE, kInfinity)},
      {"ScaleNaN", "attribute 'scale' is nan, expected a finite number",
       with_attribute("scale", H5T_NATIVE_DOUBLE, kNaN)},
      {"ScaleText", "attribute 'scale' is of type string, expected a number", with_attribute("scale", H5T_C_S1, 1)},
      {"ScaleVector", "attribute 'scale' has 3 values, expected one",
       with_attribute("scale", H5T_NATIVE_DOUBLE, 1, 3)},
      {"CausalTwo", "attribute 'causal' is 2, expected 0 or 1", with_attribute("causal", H5T_NATIVE_INT64, 2)},
      {"CausalFloat", "attribute 'causal' is of type float64, expected an integer, 0 or 1",
       with_attribute("causal", H5T_NATIVE_DOUBLE, 1)},
  };
}

std::vector<Bad> not_kept() {
  return {
      {"NeverWritten", "dataset 'K1' has shape (5, 4), but its entries were never written: write them",
       [](FileSpec& f) { f.datasets["K1"].written = false; }},
      {"ChunksMissing",
       "dataset 'K1' has shape (5, 4) in 6 chunks, but only 0 were ever written: write all of its rows",
       [](FileSpec& f) {
         f.datasets["K1"].written = false, f.datasets["K1"].chunk = {2, 3};
       }},
  };
}

class BadOperandFile : public testing::TestWithParam<Bad> {};

TEST_P(BadOperandFile, IsRefusedInOneLineOnEveryRank) {
  const Communicator comm(MPI_COMM_WORLD);
  const TestFolder folder(comm);
  const std::string path = folder.path("in.h5");
  FileSpec spec = operand_spec();
  GetParam().spoil(spec);
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  try {
    (void)io::inspect(comm, path, GetParam().needs, {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    EXPECT_EQ(error.what(), path + ": " + GetParam().message);
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"in.h5"});
}

const auto kName = [](const testing::TestParamInfo<Bad>& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Missing, BadOperandFile, testing::ValuesIn(missing_ones()), kName);
INSTANTIATE_TEST_SUITE_P(Shapes, BadOperandFile, testing::ValuesIn(wrong_shapes()), kName);
INSTANTIATE_TEST_SUITE_P(Types, BadOperandFile, testing::ValuesIn(wrong_types()), kName);
INSTANTIATE_TEST_SUITE_P(NotKept, BadOperandFile, testing::ValuesIn(not_kept()), kName);

}  // namespace
}  // namespace tattn::test
