// The problem files of data/reference, read and computed by every method, against what another program says.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "io/problem_file.hpp"
#include "support/reference_file.hpp"
#include "support/scatter.hpp"
#include "training/full_gradient.hpp"
#include "training/loss.hpp"

namespace tattn::test {
namespace {

struct Way {
  std::string file;
  Method method;
};

void PrintTo(const Way& way, std::ostream* out) {
  *out << way.file << static_cast<int>(way.method);
}

class ProblemOnFile : public testing::TestWithParam<Way> {
 protected:
  /// All rows of a dataset of the file on every rank.
  [[nodiscard]] std::vector<double> read(const std::string& name) const {
    const Shape& shape = info.problem.shape;
    const std::int64_t rows = name == "O" ? shape.rows : info.model_dim;
    return io::read_rows<double>(comm, path, name, {0, rows});
  }

  void expect_close(const std::string& name, const std::vector<double>& found, double tolerance) const {
    const std::vector<double> expected = read(name);
    ASSERT_EQ(found.size(), expected.size()) << name;
    double difference = 0, size = 0;
    for (std::size_t x = 0; x < expected.size(); ++x) {
      difference += (found[x] - expected[x]) * (found[x] - expected[x]);
      size += expected[x] * expected[x];
    }
    EXPECT_LE(std::sqrt(difference), tolerance * std::sqrt(size)) << name;
  }

  Communicator comm{MPI_COMM_WORLD};
  std::string path = std::string(TATTN_DATA "/reference/") + GetParam().file + ".h5";
  io::FileInfo info = io::inspect(comm, path, io::Needs::upstream, {});
};

TEST_P(ProblemOnFile, LossAndAllGradients) {
  ASSERT_TRUE(info.is_problem());
  Options options;
  options.method = GetParam().method;
  options.tolerance = 1e-3;
  options.heavy_rows = {0, 0, 0};  // dX is not made beside heavy rows
  const Shape& shape = info.problem.shape;
  // Scores are below 5: their rounding, times the sums over keys and rows of the longest gradient.
  const double rounding = 5 * std::numeric_limits<double>::epsilon() *
                          static_cast<double>(shape.rows * shape.key_rows[0] * shape.key_rows[1]);
  const double tolerance = options.method == Method::polynomial ? options.tolerance : rounding;

  const RowRange mine = cut_rows(Cut::uneven, shape.rows, comm.size(), comm.rank());
  const io::ProblemData<double> data = io::read_problem<double>(comm, info, mine);
  training::Loss<double> loss(comm, io::training_problem(info), data.rows);
  loss.set_weights(data.weights.data(), 1);
  const Plan plan = loss.make_plan(options, true);
  const double value = loss.forward(plan, options);
  const std::vector<double> gradient = loss.gradient(plan, options);
  for (const auto& view : weight_views(loss.problem()))
    expect_close("d" + view.name, {gradient.begin() + view.offset, gradient.begin() + view.end()}, tolerance);
  expect_close("dX", full_gradient(comm, loss, plan, options), tolerance);

  const std::vector<double> output = read("O");
  const auto target = io::read_rows<double>(comm, path, "E", {0, shape.rows});
  double expected = 0;
  for (std::size_t x = 0; x < output.size(); ++x) expected += (output[x] - target[x]) * (output[x] - target[x]) / 2;
  EXPECT_NEAR(value, expected, tolerance * expected);
}

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const char* file : {"problem_small", "problem_medium"})
    for (const Method method : {Method::exact, Method::polynomial, Method::dense}) all.push_back({file, method});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Reference, ProblemOnFile, testing::ValuesIn(ways()), [](const auto& info) {
  const Method method = info.param.method;
  return info.param.file + (method == Method::exact   ? "_exact"
                            : method == Method::dense ? "_dense"
                                                      : "_polynomial");
});

}  // namespace
}  // namespace tattn::test
