// The cost model: flops by the formulas, work of the busiest rank, grids that fit the ranks.
#include <gtest/gtest.h>

#include "plan/cost_model.hpp"
#include "plan/flops.hpp"
#include "plan/step_cost.hpp"
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
    plan::Rates silent = machine();
    silent.latency = 0;
    silent.bandwidth = silent.exchange = 1e300;
    const auto seconds = [&](int threads) {
      return *plan::predict_exact(p, Pass::forward, 4, 2, threads, silent).seconds;
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

TEST(CostModel, RanksThatShareCoresTakeTurns) {
  EXPECT_DOUBLE_EQ(plan::shared_seconds({3, 1, 2}, 1, 1), 3);  // a core each
  EXPECT_DOUBLE_EQ(plan::shared_seconds({4, 2}, 2, 8), 2);     // of two threads
  const double turns = 1 + plan::kTurnLoss;
  EXPECT_DOUBLE_EQ(plan::shared_seconds({1, 1, 1, 1}, 1, 0.5), 2 * turns);  // four on two cores
  // On two cores: all four until 1 has been done of each, then the longest alone.
  EXPECT_DOUBLE_EQ(plan::shared_seconds({2, 1, 1, 1}, 1, 0.5), 2 * turns + 1);
  EXPECT_DOUBLE_EQ(plan::shared_seconds({1, 1}, 4, 2), 0.5 * turns);  // four threads on two cores
  plan::Rates crowded = machine();
  crowded.cores_a_rank = 0.5;
  crowded.latency = 0;
  crowded.bandwidth = 1e300;
  const Problem p = problem(1, 960);
  const double two = *plan::predict_polynomial(p, Pass::gradient, 4, {1, 2, 1}, {500}, 1, machine()).seconds,
               four = *plan::predict_polynomial(p, Pass::gradient, 4, {1, 4, 1}, {500}, 1, crowded).seconds;
  EXPECT_GT(four, two);  // they also wait for turns
  EXPECT_NEAR(four, two, (plan::kTurnLoss + 0.1) * two + 0.02);
}

TEST(CostModel, FeatureGroupsCopyRows) {
  const Problem p = problem(1, 1000);
  EXPECT_EQ(plan::copied_bytes(p, {1, 4, 1}, 4, Pass::gradient), 0);
  // Q 16, dN 17, K and V 32 each in; dQ 16, dK and dV 32 each out, twice in double.
  EXPECT_EQ(plan::copied_bytes(p, {1, 1, 2}, 4, Pass::gradient), 1000 * (97 * 4 + 2 * 80 * 8));
  EXPECT_EQ(plan::copied_bytes(p, {1, 1, 2}, 4, Pass::forward), 1000 * (80 * 4 + 2 * 17 * 8));
  plan::Rates slow = machine();
  slow.copies /= 2;
  const auto seconds = [&](const plan::Rates& rates) {
    return *plan::predict_polynomial(p, Pass::forward, 4, {1, 1, 2}, {250, 250}, 1, rates).seconds;
  };
  const auto copied = static_cast<double>(plan::copied_bytes(p, {1, 1, 2}, 4, Pass::forward));
  EXPECT_NEAR(seconds(slow) - seconds(machine()), copied / machine().copies, 1e-9 * seconds(slow));
}

TEST(CostModel, AStepIsTwoPassesAndTheProjections) {
  const Problem p = problem(1, 960);
  const plan::StepProblem step{p, 24, 4, 1, 1};
  const Cost forward = plan::predict_exact(p, Pass::forward, 4, 1, 1, machine()),
             gradient = plan::predict_exact(p, Pass::gradient, 4, 1, 1, machine()),
             cost = plan::predict_step(step, forward, gradient, false, 2e9, machine());
  EXPECT_DOUBLE_EQ(plan::projection_flops(step), 4.0 * 24 * 960 * (3 * 16 + 2 * 16));
  EXPECT_DOUBLE_EQ(*cost.flops, *forward.flops + *gradient.flops + plan::projection_flops(step));
  EXPECT_NEAR(*cost.seconds, *forward.seconds + *gradient.seconds + plan::projection_flops(step) / 2e9,
              1e-12 * *cost.seconds);
  EXPECT_EQ(*cost.bytes_communicated, 0);
  EXPECT_GT(*cost.bytes_memory, *gradient.bytes_memory);
  const Cost watched = plan::predict_step(step, forward, gradient, true, 2e9, machine());
  EXPECT_GT(*watched.seconds, *cost.seconds);
  const plan::StepProblem on_four{p, 24, 4, 4, 1};
  const Cost spread = plan::predict_step(on_four, forward, gradient, false, 2e9, machine());
  EXPECT_EQ(*spread.bytes_communicated, 24 * (3 * 16 + 2 * 16) * 8);  // the gradients of the weights
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
