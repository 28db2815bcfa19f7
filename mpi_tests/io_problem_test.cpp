// Problem files: every way one can be wrong is one line with status 3, the same on every rank; and what is read is
// what was written.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <limits>

#include "io/problem_file.hpp"
#include "support/file_spec.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

struct Bad {
  std::string name;
  std::string message;  ///< after "<path>: "
  std::function<void(FileSpec&)> spoil;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

Bad missing(const std::string& name, const std::string& highest) {
  return {"No" + name,
          fmt::format(
              "dataset '{}' is missing, but '{}' is there: a problem file of order 2 has A1 to A5, X1 to X3, Y1 "
              "to Y2 and E",
              name, highest),
          [=](FileSpec& f) { f.datasets.erase(name); }};
}

Bad reshaped(const std::string& what, const std::string& dataset, const std::vector<std::int64_t>& dims,
             const std::string& message) {
  return {what, "dataset '" + dataset + "' " + message, [=](FileSpec& f) { f.datasets[dataset].dims = dims; }};
}

Bad spoilt(const std::string& what, const std::string& message, const std::function<void(FileSpec&)>& spoil) {
  return {what, message, spoil};
}

const std::vector<Bad> kBad{
    missing("A2", "A5"),
    missing("A4", "A5"),
    missing("A5", "A4"),
    missing("X1", "A5"),
    missing("X3", "A5"),
    missing("Y1", "A5"),
    missing("Y2", "A5"),
    spoilt("NoE", "dataset 'E' is missing: a problem file of order 2 has A1 to A5, X1 to X3, Y1 to Y2 and E",
           [](FileSpec& f) { f.datasets.erase("E"); }),
    spoilt("OrderFive", "dataset 'X6' belongs to order 5, expected at most 4",
           [](FileSpec& f) { f.datasets["X6"] = f.datasets["X1"]; }),
    reshaped("ModelDim", "A3", {6, 5}, "has 5 columns, but A1 has 4: every A has the model dim"),
    reshaped("WeightRows", "X2", {5, 3},
             "has 5 rows, but A1 has 4 columns: every A and every weight share the model dim"),
    reshaped("KeyDim", "X3", {4, 2}, "has 2 columns, but X1 has 3: X1, X2, .. share the key dim"),
    reshaped("ValueDim", "Y2", {4, 3}, "has 3 columns, but Y1 has 2: Y1, Y2, .. share the value dim"),
    reshaped("KeyAndValue", "A4", {6, 4},
             "has 6 rows, but A2 has 5: a key and its value must have the same number of rows"),
    reshaped("TargetRows", "E", {8, 2}, "has 8 rows, but A1 has 7: the output has a row for each query"),
    reshaped("TargetColumns", "E", {7, 3}, "has 3 columns, but Y1 has 2: the output has the value dim"),
    reshaped("Slices", "A2", {2, 5, 4},
             "has shape (2, 5, 4), 3 dimensions: a problem file has matrices (rows, columns) only"),
    spoilt("Mixed", "dataset 'Y1' is of type float64, but A1 is float32: one type in a file, convert one of them",
           [](FileSpec& f) { f.datasets["Y1"].type = H5T_IEEE_F64LE; }),
    spoilt("Causal", "dataset 'A2' has 5 rows, but A1 has 7: causal attention needs as many key rows as query rows",
           [](FileSpec& f) {
             f.extra = [](hid_t id) {
               const int one = 1;
               add_attribute(id, "causal", H5T_NATIVE_INT, &one);
             };
           })};

/// The message of the error that `step` throws.
std::string refused(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    return error.what();
  }
  return "accepted";
}

class BadProblemFile : public testing::TestWithParam<Bad> {};

TEST_P(BadProblemFile, IsRefusedInOneLineOnEveryRank) {
  const Communicator comm(MPI_COMM_WORLD);
  const TestFolder folder(comm);
  const std::string path = folder.path("in.h5");
  FileSpec spec = problem_spec();
  GetParam().spoil(spec);
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  EXPECT_EQ(refused([&] { (void)io::inspect(comm, path, io::Needs::operands, {}); }),
            path + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(Io, BadProblemFile, testing::ValuesIn(kBad),
                         [](const testing::TestParamInfo<Bad>& info) { return info.param.name; });

class ReadProblem : public testing::Test {
 protected:
  void write(const FileSpec& spec) {
    if (comm.rank() == 0) spec.write(path);
    comm.barrier();
  }

  static void expect_rows(const std::string& name, std::int64_t columns, RowRange rows,
                          const std::vector<float>& found) {
    ASSERT_EQ(static_cast<std::int64_t>(found.size()), rows.size() * columns) << name;
    for (std::size_t x = 0; x < found.size(); ++x)
      ASSERT_EQ(found[x], entry(name, rows.begin * columns + static_cast<std::int64_t>(x))) << name;
  }

  Communicator comm{MPI_COMM_WORLD};
  TestFolder folder{comm};
  std::string path = folder.path("in.h5");
};

TEST_F(ReadProblem, GivesRowsAndAllWeights) {
  write(problem_spec());
  const io::FileInfo info = io::inspect(comm, path, io::Needs::operands, {});
  EXPECT_EQ(info.problem.shape, (Shape{2, 1, 7, {5, 6}, 3, 2}));
  EXPECT_EQ(info.model_dim, 4);
  EXPECT_TRUE(info.is_problem() && info.has_target && !info.has_upstream);
  const RowRange mine = even_range(7, comm.size(), comm.rank());
  const auto data = io::read_problem<float>(comm, info, mine);
  expect_rows("A1", 4, mine, data.rows.query);
  expect_rows("E", 2, mine, data.rows.target);
  for (std::size_t u = 0; u < 2; ++u) {
    const RowRange keys = even_range(info.problem.shape.key_rows[u], comm.size(), comm.rank());
    EXPECT_EQ(data.rows.key_rows[u], keys);
    expect_rows(fmt::format("A{}", u + 2), 4, keys, data.rows.key[u]);
    expect_rows(fmt::format("A{}", u + 4), 4, keys, data.rows.value[u]);
  }
  const auto views = weight_views(io::training_problem(info));
  ASSERT_EQ(views.size(), 5U);
  for (const auto& view : views)
    for (std::int64_t x = 0; x < view.size(); ++x)
      ASSERT_EQ(data.weights[static_cast<std::size_t>(view.offset + x)], entry(view.name, x)) << view.name;
}

TEST_F(ReadProblem, AsOperandsGivesTheProjections) {
  write(problem_spec());
  const io::FileInfo info = io::inspect(comm, path, io::Needs::upstream, {});
  const RowRange mine = even_range(7, comm.size(), comm.rank());
  const auto operands = io::read_operands<float>(comm, info, mine, io::Needs::upstream);
  expect_rows("E", 2, mine, operands.upstream);
  for (std::int64_t i = mine.begin; i < mine.end; ++i)
    for (std::int64_t l = 0; l < 3; ++l) {
      double sum = 0;  // of a few multiples of 1/256: exact
      for (std::int64_t b = 0; b < 4; ++b) sum += entry("A1", i * 4 + b) * entry("X1", b * 3 + l);
      ASSERT_EQ(operands.query[static_cast<std::size_t>((i - mine.begin) * 3 + l)], sum);
    }
}

TEST_F(ReadProblem, RefusesNaNInAWeight) {
  FileSpec spec = problem_spec();
  spec.datasets["X2"].entries[7] = std::numeric_limits<double>::quiet_NaN();
  write(spec);
  const io::FileInfo info = io::inspect(comm, path, io::Needs::operands, {});
  const RowRange mine = even_range(7, comm.size(), comm.rank());
  EXPECT_EQ(refused([&] { (void)io::read_problem<float>(comm, info, mine); }),
            path + ": dataset 'X2' has nan in row 2, column 1: expected finite numbers only");
}

}  // namespace
}  // namespace tattn::test
