// The dense method: against the files of data/reference, the twin and the exact method, and what it refuses.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "comm/communicator.hpp"
#include "plan/memory.hpp"
#include "support/draw.hpp"
#include "support/reference_judge.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

std::vector<How> dense(const std::vector<Cut>& cuts, int threads = 1) {
  std::vector<How> ways;
  for (const Cut cut : cuts) ways.push_back({cut, threads, Method::dense});
  return ways;
}

std::vector<std::string> files_of_order_one_and_two() {
  std::vector<std::string> names = reference_files();
  std::erase_if(names, [](const std::string& name) { return read_reference(name).c.problem.shape.order > 2; });
  return names;
}

class DenseOnFile : public testing::TestWithParam<std::string> {
 protected:
  Reference reference = read_reference(GetParam());
};

TEST_P(DenseOnFile, InDouble) {
  expect_like_file<double>(reference, dense({Cut::holes}), GetParam());
}
TEST_P(DenseOnFile, InSingle) {
  expect_like_file<float>(reference, dense({Cut::uneven}), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Reference, DenseOnFile, testing::ValuesIn(files_of_order_one_and_two()),
                         [](const auto& info) { return info.param; });

template <class T>
class Dense : public testing::Test {
 protected:
  static void check(const Case& c, const std::vector<Cut>& cuts, const std::string& what) {
    expect_like_twin<T>(MPI_COMM_WORLD, c, dense(cuts), what);
  }
};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Dense, Types);

TYPED_TEST(Dense, EveryCut) {
  const std::vector<std::vector<std::int64_t>> lengths{{31}, {7, 12}};
  for (const auto& keys : lengths) {
    this->check(random_case(make_shape(1, 13, keys, 6, 5), 60), {Cut::even}, "one slice");
    this->check(random_case(make_shape(2, 5, keys, 3, 4), 61), {kCuts.begin(), kCuts.end()}, "slices");
  }
}

TYPED_TEST(Dense, Threads) {
  const Case c = random_case(make_shape(1, 90, {11, 13}, 6, 5), 76);
  expect_like_twin<TypeParam>(MPI_COMM_WORLD, c, dense({Cut::even}, 2), "two threads");
}

// More than one block of rows and of tuples on every process.
TYPED_TEST(Dense, ManyBlocks) {
  this->check(random_case(make_shape(1, 203, {23, 37}, 5, 3), 62), {Cut::even}, "wide");
  this->check(random_case(make_shape(1, 701, {19, 3}, 2, 71), 63), {Cut::uneven}, "tall");
}

TYPED_TEST(Dense, Causal) {
  for (const std::int64_t rows : {1, 2, 19}) {
    this->check(random_case(make_shape(2, rows, {rows, rows}, 4, 3), 64, true), {Cut::even}, "causal, order 2");
    this->check(random_case(make_shape(1, rows, {rows}, 5, 5), 65, true), {Cut::reversed}, "causal, order 1");
  }
}

TYPED_TEST(Dense, MoreRanksThanRows) {
  this->check(random_case(make_shape(1, 1, {1}, 2, 3), 66), {Cut::even}, "one of everything");
  this->check(random_case(make_shape(1, 1, {20, 15}, 5, 4), 67), {Cut::reversed}, "one row");
  this->check(random_case(make_shape(1, 90, {1, 2}, 1, 1), 68), {Cut::holes}, "two tuples");
  this->check(random_case(make_shape(2, 2, {2, 2}, 3, 3), 69, true), {Cut::last}, "causal, two rows");
}

TYPED_TEST(Dense, Scales) {
  for (const double scale : {0.0, -0.4, 1.0, 1e-30, 40.0})
    this->check(random_case(make_shape(2, 9, {6, 5}, 4, 3), 70, false, scale), {Cut::even},
                fmt::format("scale {}", scale));
}

RC_GTEST_PROP(DenseMethod, AgreesWithExact, ()) {
  const int order = *rc::gen::inRange(1, 3);
  const Case c = rounded<float>(draw_case(order));
  How how = draw_how();
  const Arrays exact = library_attention<float>(MPI_COMM_WORLD, c, how);
  how.method = Method::dense;
  const Arrays dense = library_attention<float>(MPI_COMM_WORLD, c, how);
  require([&] { return first_difference(dense, exact, times(2, rounding_bound(c, precision_of<float>()))); });
}

TEST(DenseMethod, GivesTheSameBitsAgain) {
  const Case c = random_case(make_shape(2, 61, {23, 17}, 8, 5), 71);
  const How how{Cut::uneven, 1, Method::dense};
  const Arrays first = library_attention<double>(MPI_COMM_WORLD, c, how);
  for (int run = 0; run < 3; ++run) EXPECT_EQ(library_attention<double>(MPI_COMM_WORLD, c, how), first);
}

// Two halves of the ranks, each with a grid of its own, at the same time.
TEST(DenseMethod, WorksOnPartOfTheRanks) {
  const int half = rank_of(MPI_COMM_WORLD) % 2;
  MPI_Comm mine = MPI_COMM_NULL;
  ASSERT_EQ(MPI_Comm_split(MPI_COMM_WORLD, half, -rank_of(MPI_COMM_WORLD), &mine), MPI_SUCCESS);
  const Case c =
      half == 0 ? random_case(make_shape(1, 17, {9, 5}, 4, 3), 72) : random_case(make_shape(2, 8, {12}, 3, 6), 73);
  expect_like_twin<double>(mine, c, dense({Cut::even, Cut::holes}), "part of the ranks");
  ASSERT_EQ(MPI_Comm_free(&mine), MPI_SUCCESS);
}

/// What forward says when it refuses, on every rank the same; empty when it does not.
std::pair<Status, std::string> refusal(const Case& c, std::int64_t memory) {
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  auto output = mine.result("O"), lse = mine.result("LSE");
  Options options = options_of({Cut::even, 1, Method::dense});
  options.memory_bytes = memory;
  try {
    forward<double>(MPI_COMM_WORLD, c.problem, mine.operands(), options,
                    {output.data_or_null(), lse.data_or_null()});
  } catch (const Error& error) {
    EXPECT_EQ(Communicator(MPI_COMM_WORLD).broadcast(error.what()), error.what()) << "another text on rank 0";
    return {error.status(), error.what()};
  }
  return {Status::done, ""};
}

TEST(DenseMethod, RefusesWhatDoesNotFit) {
  const Case c = random_case(make_shape(1, 200, {500, 500}, 2, 2), 74);
  const int ranks = size_of_comm(MPI_COMM_WORLD);
  const std::int64_t needed = plan::dense_memory_bytes(c.problem, plan::Pass::forward, 8, ranks);
  EXPECT_GT(needed, std::int64_t{200} * 500 * 500 * 8 / ranks);
  const auto [status, says] = refusal(c, needed - 1);
  EXPECT_EQ(status, Status::failed);
  for (const char* part : {"not enough memory: ", " a rank is needed, ", " is there; ", " ranks would do"})
    EXPECT_NE(says.find(part), std::string::npos) << says;
}

TEST(DenseMethod, RefusesMoreThanItCanCount) {
  Problem problem{make_shape(1, 2, {100000, 100000}, 2, 2), 1, false};
  EXPECT_THROW(plan::require_dense_memory(problem, plan::Pass::forward, 8, 1, INT64_MAX), Error);
  problem.shape.key_rows = {INT64_MAX, INT64_MAX};
  EXPECT_THROW(plan::require_dense_memory(problem, plan::Pass::gradient, 8, 7, INT64_MAX), Error);
}

TEST(DenseMethod, RefusesOrderThree) {
  const auto [status, says] = refusal(random_case(make_shape(1, 4, {2, 3, 2}, 2, 2), 75), 0);
  EXPECT_EQ(status, Status::usage);
  EXPECT_NE(says.find("orders 1 and 2, not order 3"), std::string::npos) << says;
}

}  // namespace
}  // namespace tattn::test
