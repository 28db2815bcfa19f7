// The cost model: flops by the formulas, work of the busiest rank, grids that fit the ranks.
#include <gtest/gtest.h>

#include "plan/cost_model.hpp"
#include "plan/flops.hpp"
#include "support/case.hpp"

namespace tattn::test {
namespace {

using plan::Pass;

plan::Rates machine() {
  return {5e10, 6e10, 4e10, 3e10, 5e-6, 5e9, 3e10};
}

Problem problem(std::int64_t slices, std::int64_t rows) {
  return {make_shape(slices, rows, {rows, rows}, 16, 16), 0.1, false};
}

TEST(CostModel, ExactOnOneRankIsFlopsOverRate) {
  const Problem p = problem(1, 960);  // whole register tiles: 960 = 60 * 16 = 160 * 6
  const Cost forward = plan::predict_exact(p, Pass::forward, 4, 1, 1, machine());
  EXPECT_DOUBLE_EQ(*forward.flops, plan::exact_forward_flops(p));
  EXPECT_DOUBLE_EQ(*forward.seconds, *forward.flops / machine().exact_forward);
  EXPECT_EQ(forward.bytes_communicated, 0);
  const Cost gradient = plan::predict_exact(p, Pass::gradient, 4, 1, 2, machine());
  EXPECT_DOUBLE_EQ(*gradient.seconds, *gradient.flops / machine().exact_gradient / 2);
}

TEST(CostModel, ThreadsShareTheWorkOfARank) {
  for (const bool causal : {false, true}) {
    Problem p = problem(1, 960);
    p.causal = causal;
    const auto seconds = [&](int threads) {
      return *plan::predict_exact(p, Pass::forward, 4, 2, threads, {5e10, 6e10, 4e10, 3e10, 0, 1e300, 3e10})
                  .seconds;
    };
    EXPECT_DOUBLE_EQ(seconds(3), seconds(1) / 3) << causal;
  }
}

TEST(CostModel, BusiestRankCounts) {
  const Problem p = problem(3, 960);  // 3 slices on 2 ranks
  const double one = *plan::predict_exact(p, Pass::forward, 4, 1, 1, machine()).seconds;
  EXPECT_GE(*plan::predict_exact(p, Pass::forward, 4, 2, 1, machine()).seconds, one / 2);
  EXPECT_LE(*plan::predict_exact(p, Pass::forward, 4, 2, 1, machine()).seconds, one);
}

TEST(CostModel, PolynomialGrowsWithTheRowsAlone) {
  const auto seconds = [&](std::int64_t rows) {
    return *plan::predict_polynomial(problem(1, rows), Pass::forward, 4, {}, {500}, 1, machine()).seconds;
  };
  EXPECT_DOUBLE_EQ(seconds(2000), 2 * seconds(1000));
  const Cost gradient = plan::predict_polynomial(problem(1, 1000), Pass::gradient, 4, {}, {500}, 1, machine());
  EXPECT_DOUBLE_EQ(*gradient.flops, 2 * plan::polynomial_forward_flops(problem(1, 1000), 500));
}

TEST(CostModel, SumsDownTheSequenceDoNotDependOnTheRows) {
  const auto bytes = [&](std::int64_t rows) {
    return *plan::predict_polynomial(problem(1, rows), Pass::gradient, 4, {1, 8, 1}, {500}, 1, machine())
                .bytes_communicated;
  };
  EXPECT_EQ(bytes(1 << 10), bytes(1 << 20));
  EXPECT_GT(bytes(1 << 10), 0);
}

TEST(CostModel, GridsHaveAllRanks) {
  for (const int ranks : {1, 2, 3, 4, 7, 12, 64})
    for (const std::int64_t slices : {1, 3, 64, 1000}) {
      const plan::Grid grid = plan::choose_grid(problem(slices, 300), true, 4, 800, ranks, 1, machine());
      EXPECT_EQ(grid.ranks(), ranks);
      EXPECT_LE(grid.slices, slices);
    }
}

TEST(CostModel, ManySlicesNeedNoSums) {
  EXPECT_EQ(plan::choose_grid(problem(64, 300), true, 4, 800, 8, 1, machine()), (plan::Grid{8, 1, 1}));
}

TEST(CostModel, OneLongSliceIsCutAlongTheSequence) {
  EXPECT_EQ(plan::choose_grid(problem(1, 1 << 20), true, 4, 800, 8, 1, machine()), (plan::Grid{1, 8, 1}));
}

// Few rows: with sequence blocks alone some ranks would have none.
TEST(CostModel, FewRowsAreCutAlongTheFeatures) {
  EXPECT_GT(plan::choose_grid(problem(1, 4), false, 4, 20000, 16, 1, machine()).features, 1);
}

TEST(CostModel, ChoosingTakesLongerForMoreFeatures) {
  const double few = plan::predict_choice(problem(1, 1000), true, 100, false, machine());
  EXPECT_GT(few, 0);
  EXPECT_GT(plan::predict_choice(problem(1, 1000), true, 10000, false, machine()), few);
}

TEST(CostModel, MemoryNamesTheRanksThatWouldDo) {
  const Problem p = problem(1, 1 << 20);
  const std::int64_t alone = plan::polynomial_memory_bytes(p, Pass::gradient, 4, 1, 1, 1000);
  const std::int64_t operands = std::int64_t{1 << 20} * 16 * 4 * (3 + 2 + 1);  // Q, K1, K2; V1, V2; dO
  EXPECT_GT(alone, operands);
  EXPECT_LT(alone, 2 * 2 * operands + (std::int64_t{256} << 20));
}

}  // namespace
}  // namespace tattn::test
