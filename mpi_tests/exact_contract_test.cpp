// What the headers promise besides the numbers: the same bits again, any communicator, errors everywhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "comm/communicator.hpp"
#include "support/judge.hpp"
#include "support/plain_attention.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

template <class T>
class Contract : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Contract, Types);

TYPED_TEST(Contract, SameBitsEveryTime) {
  const std::vector<Case> cases{random_case(make_shape(1, 61, {23, 17}, 8, 5), 51),
                                random_case(make_shape(1, 1, {40, 33}, 3, 3), 52),  // ranks share a row
                                random_case(make_shape(3, 14, {14, 14}, 4, 4), 53, true)};
  for (const Case& c : cases) {
    for (const int threads : {1, 2, 3}) {
      const How how{Cut::uneven, threads};
      const Arrays first = library_attention<TypeParam>(MPI_COMM_WORLD, c, how);
      for (int run = 0; run < 3; ++run)
        EXPECT_EQ(library_attention<TypeParam>(MPI_COMM_WORLD, c, how), first) << threads << " threads";
    }
  }
}

// O and LSE may come from anywhere that computed them: here the twin, and another number of ranks.
TYPED_TEST(Contract, GradientOfAnEarlierForward) {
  const Case c = rounded<TypeParam>(random_case(make_shape(2, 11, {6, 9}, 5, 7), 54));
  const Arrays bound = rounding_bound(c, precision_of<TypeParam>());
  const Arrays twin = plain_attention(c), alone = library_forward<TypeParam>(MPI_COMM_SELF, c, {Cut::even, 1});
  const Arrays gradients = only(twin, {"dQ", "dK1", "dK2", "dV1", "dV2"});
  for (const Arrays& earlier : {twin, alone}) {
    const Arrays got = library_gradient<TypeParam>(MPI_COMM_WORLD, c, {Cut::reversed, 2}, earlier);
    EXPECT_EQ(first_difference(got, gradients, bound), "");
  }
}

// Two halves of the ranks, each with a problem of its own, at the same time.
TYPED_TEST(Contract, WorksOnPartOfTheRanks) {
  const int half = rank_of(MPI_COMM_WORLD) % 2;
  MPI_Comm mine = MPI_COMM_NULL;
  ASSERT_EQ(MPI_Comm_split(MPI_COMM_WORLD, half, -rank_of(MPI_COMM_WORLD), &mine), MPI_SUCCESS);
  const Case c =
      half == 0 ? random_case(make_shape(1, 17, {9, 5}, 4, 3), 55) : random_case(make_shape(2, 8, {12}, 3, 6), 56);
  expect_like_twin<TypeParam>(mine, c, {{Cut::even, 1}, {Cut::holes, 2}}, "part of the ranks");
  ASSERT_EQ(MPI_Comm_free(&mine), MPI_SUCCESS);
}

// A receive for any message of the caller's must get the caller's message, not one of the library's.
TEST(Communicators, OfTheCallerAreLeftAlone) {
  const int rank = rank_of(MPI_COMM_WORLD), ranks = size_of_comm(MPI_COMM_WORLD);
  int sent = 1000 + rank, received = -1;
  MPI_Request request = MPI_REQUEST_NULL;
  ASSERT_EQ(MPI_Irecv(&received, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &request), MPI_SUCCESS);
  const Case c = random_case(make_shape(1, 17, {9, 5}, 4, 3), 57);
  expect_like_twin<double>(MPI_COMM_WORLD, c, {{Cut::uneven, 1}}, "with a receive under way");
  ASSERT_EQ(MPI_Send(&sent, 1, MPI_INT, (rank + 1) % ranks, 3, MPI_COMM_WORLD), MPI_SUCCESS);
  ASSERT_EQ(MPI_Wait(&request, MPI_STATUS_IGNORE), MPI_SUCCESS);
  EXPECT_EQ(received, 1000 + (rank + ranks - 1) % ranks);
}

/// Calls forward with what `spoil` makes of a good call.
Status status_of_forward(const std::function<void(Problem&, Options&, Operands<double>&)>& spoil) {
  const Case c = random_case(make_shape(1, 6, {6, 6}, 3, 2), 58);
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  auto output = mine.result("O"), lse = mine.result("LSE");
  Problem problem = c.problem;
  Options options = options_of({});
  Operands<double> operands = mine.operands();
  spoil(problem, options, operands);
  try {
    forward<double>(MPI_COMM_WORLD, problem, operands, options, {output.data_or_null(), lse.data_or_null()});
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()), "");
    EXPECT_EQ(Communicator(MPI_COMM_WORLD).broadcast(error.what()), error.what()) << "another text on rank 0";
    return error.status();
  }
  return Status::done;
}

TEST(Errors, OfTheProblem) {
  EXPECT_EQ(status_of_forward([](auto&, auto&, auto&) {}), Status::done);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.shape.order = 0; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.shape.order = 5; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.shape.dim = 0; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.shape.value_dim = -1; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.shape.key_rows[1] = 0; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.scale = std::nan(""); }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) { problem.scale = HUGE_VAL; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto& problem, auto&, auto&) {
              problem.causal = true;
              problem.shape.key_rows[1] = 5;
            }),
            Status::usage);
}

TEST(Errors, OfTheOptions) {
  EXPECT_EQ(status_of_forward([](auto&, Options& options, auto&) { options.threads = 0; }), Status::usage);
  EXPECT_EQ(status_of_forward([](auto&, Options& options, auto&) { options.memory_bytes = 1; }), Status::failed);
}

// Blocks of one rank alone that leave a row out, take one twice or lie outside: told on every rank.
TEST(Errors, OfTheBlocksOfOneRank) {
  const bool first = rank_of(MPI_COMM_WORLD) == 0;
  const bool last = rank_of(MPI_COMM_WORLD) == size_of_comm(MPI_COMM_WORLD) - 1;
  EXPECT_EQ(status_of_forward([&](auto&, auto&, Operands<double>& operands) {
              if (last) operands.key[0].rows.end -= 1;
            }),
            Status::usage);
  EXPECT_EQ(status_of_forward([&](auto&, auto&, Operands<double>& operands) {
              if (last) operands.value[1].rows = {operands.value[1].rows.begin, 7};
            }),
            Status::usage);
  EXPECT_EQ(status_of_forward([&](auto&, auto&, Operands<double>& operands) {
              if (first) operands.query.rows = {};
            }),
            Status::usage);
}

TEST(Progress, RisesFromZeroToOne) {
  const Case c = random_case(make_shape(1, 64, {32, 32}, 4, 4), 59);
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  auto output = mine.result("O"), lse = mine.result("LSE");
  std::vector<double> seen{0};
  Options options = options_of({});
  options.progress = [&](double share) { seen.push_back(share); };
  forward<double>(MPI_COMM_WORLD, c.problem, mine.operands(), options, {output.data_or_null(), lse.data_or_null()});
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_LE(seen.back(), 1);
}

}  // namespace
}  // namespace tattn::test
