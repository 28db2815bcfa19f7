// The polynomial method on every grid of the ranks: the twin's results, and the bytes that the plan predicts.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "plan/grid.hpp"
#include "support/grids.hpp"
#include "support/judge.hpp"
#include "support/plain_polynomial.hpp"
#include "support/polynomial_run.hpp"

namespace tattn::test {
namespace {

using plan::Grid;

template <class T>
class PolynomialGrid : public testing::Test {
 protected:
  static void check(const Case& original, const plan::Walk& walk, const std::vector<How>& ways) {
    const Case c = rounded<T>(original);
    std::vector<Arrays> results;
    for (const Grid& grid : all_grids(size_of_comm(MPI_COMM_WORLD)))
      for (const How& how : ways) results.push_back(library_polynomial<T>(c, walk, grid, how, how.threads > 1));
    expect_polynomial<T>(c, walk, results, "grids");
  }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(PolynomialGrid, Types);

TYPED_TEST(PolynomialGrid, EveryOneGivesTheTwinsResult) {
  this->check(random_case(make_shape(1, 37, {31}, 4, 5), 21), plan::full_walk(4, 4), {{Cut::even, 1}});
  this->check(random_case(make_shape(3, 13, {7, 12}, 4, 5), 22), plan::full_walk(4, 4),
              {{Cut::even, 2}, {Cut::reversed, 1}, {Cut::last, 1}});
  this->check(random_case(make_shape(5, 4, {5, 3, 6}, 3, 4), 23), plan::full_walk(3, 4), {{Cut::holes, 2}});
}

TYPED_TEST(PolynomialGrid, MoreRanksThanRowsSlicesAndFeatures) {
  this->check(random_case(make_shape(1, 1, {2, 1}, 2, 3), 24), plan::full_walk(2, 1), {{Cut::even, 1}});
  this->check(random_case(make_shape(2, 1, {1, 2}, 1, 1), 25), plan::full_walk(1, 1), {{Cut::holes, 2}});
}

TYPED_TEST(PolynomialGrid, PassThroughNodesAndWeightsOfBothSigns) {
  plan::Walk walk = plan::full_walk(3, 6);
  plan::set_weights(walk, plan::relative_minimax_exp(3.0, 6));
  this->check(random_case(make_shape(2, 21, {17, 19}, 3, 4), 26), walk, {{Cut::even, 1}});
  for (std::size_t node = 1; node < walk.owned.size(); node += 4) walk.owned[node] = 0, walk.weight[node] = 0;
  this->check(random_case(make_shape(2, 21, {17, 19}, 3, 4), 27), walk, {{Cut::uneven, 2}});
}

/// Bytes that a rank sends in a forward and a gradient pass, the most of all ranks.
struct Sent {
  std::int64_t forward = 0, gradient = 0;
};

template <class T>
Sent sent(const Case& c, const plan::Walk& walk, const Grid& grid) {
  const Communicator comm(MPI_COMM_WORLD);
  OnGrid<T> run(comm, c, walk, grid);
  const std::int64_t before = Communicator::bytes_sent_by_process();
  run.forward();
  const std::int64_t between = Communicator::bytes_sent_by_process();
  run.gradient();
  return {comm.max(between - before), comm.max(Communicator::bytes_sent_by_process() - between)};
}

void expect_near(std::int64_t counted, std::int64_t predicted, const std::string& what) {
  EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(predicted), 0.01 * static_cast<double>(predicted))
      << what;
}

template <class T>
void expect_predicted(const Case& c, const plan::Walk& walk) {
  for (const Grid& grid : all_grids(size_of_comm(MPI_COMM_WORLD))) {
    const Sent counted = sent<T>(c, walk, grid);
    const auto features = plan::group_features(walk, c.problem.shape.value_dim, grid.features);
    const auto predicted = [&](plan::Pass pass) {
      return plan::polynomial_bytes(c.problem, grid, features, sizeof(T), pass);
    };
    const std::string name = fmt::format("grid {} x {} x {}", grid.slices, grid.sequence, grid.features);
    expect_near(counted.forward, predicted(plan::Pass::forward), "forward, " + name);
    expect_near(counted.gradient, predicted(plan::Pass::gradient), "gradient, " + name);
  }
}

TYPED_TEST(PolynomialGrid, SendsWhatThePlanPredicts) {
  expect_predicted<TypeParam>(random_case(make_shape(1, 53, {31, 44}, 4, 5), 28), plan::full_walk(4, 4));
  expect_predicted<TypeParam>(random_case(make_shape(5, 7, {3}, 4, 5), 29), plan::full_walk(4, 2));
  expect_predicted<TypeParam>(random_case(make_shape(1, 2, {1, 3}, 2, 1), 30), plan::full_walk(2, 1));
}

TEST(PolynomialGridBytes, DoNotDependOnTheRowsWithSequenceBlocksAlone) {
  const plan::Walk walk = plan::full_walk(3, 3);
  const Grid grid{1, size_of_comm(MPI_COMM_WORLD), 1};
  const Sent few = sent<double>(random_case(make_shape(1, 10, {10, 10}, 3, 2), 31), walk, grid),
             many = sent<double>(random_case(make_shape(1, 400, {400, 400}, 3, 2), 31), walk, grid);
  EXPECT_EQ(few.forward, many.forward);
  EXPECT_EQ(few.gradient, many.gradient);
}

TEST(PolynomialGridRanks, MustBeAsManyAsThereAre) {
  const Case c = random_case(make_shape(1, 5, {5}, 2, 2), 32);
  const Grid grid{1, 1, size_of_comm(MPI_COMM_WORLD) + 1};
  EXPECT_THROW(library_polynomial<double>(c, plan::full_walk(2, 2), grid, {}), Error);
}

TYPED_TEST(PolynomialGrid, GivesTheSameBitsTwice) {
  const Case c = rounded<TypeParam>(random_case(make_shape(3, 13, {7, 12}, 4, 5), 33));
  const plan::Walk walk = plan::full_walk(4, 5);
  for (const Grid& grid : all_grids(size_of_comm(MPI_COMM_WORLD)))
    EXPECT_EQ(library_polynomial<TypeParam>(c, walk, grid, {Cut::even, 2}),
              library_polynomial<TypeParam>(c, walk, grid, {Cut::even, 2}));
}

}  // namespace
}  // namespace tattn::test
