// The ladder of heavy rows, and samples without them.
#include <gtest/gtest.h>

#include <cmath>

#include "plan/feature_search.hpp"
#include "support/sampled_case.hpp"

namespace tattn::test {
namespace {

using plan::HeavyCounts;
using Norms = std::array<std::vector<double>, kMaxOrder + 1>;

Norms flat_norms(const Shape& shape) {
  Norms norms;
  norms[0].assign(static_cast<std::size_t>(shape.rows), 1.0);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    norms[u + 1].assign(static_cast<std::size_t>(shape.key_rows[u]), 1.0);
  return norms;
}

double work(const Shape& shape, const HeavyCounts& counts) {
  double share = static_cast<double>(counts[0]) / static_cast<double>(shape.rows);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    share += static_cast<double>(counts[u + 1]) / static_cast<double>(shape.key_rows[u]);
  return share;
}

TEST(HeavyLadder, IsEmptyWhereNoRowStandsOut) {
  const Shape shape = make_shape(1, 100, {90, 80}, 2, 2);
  EXPECT_TRUE(plan::heavy_ladder(shape, flat_norms(shape)).empty());
}

TEST(HeavyLadder, TakesAPlantedRowFirst) {
  const Shape shape = make_shape(1, 1000, {900, 800}, 2, 2);
  Norms norms = flat_norms(shape);
  norms[2][0] = 30;
  const auto ladder = plan::heavy_ladder(shape, norms);
  ASSERT_EQ(ladder.size(), 1U);  // nothing is gained by more
  EXPECT_EQ(ladder[0], (HeavyCounts{0, 0, 1, 0, 0}));
}

TEST(HeavyLadder, GrowsWithinItsBudgets) {
  for (int order = 1; order <= kMaxOrder; ++order) {
    const Shape shape = make_shape(1, 5000, std::vector<std::int64_t>(static_cast<std::size_t>(order), 4000), 2, 2);
    Norms norms = flat_norms(shape);
    for (auto& operand : norms)
      for (std::size_t k = 0; k < operand.size(); ++k) operand[k] = 1 / std::cbrt(1.0 + static_cast<double>(k));
    const auto ladder = plan::heavy_ladder(shape, norms);
    ASSERT_GE(ladder.size(), 4U);
    for (std::size_t k = 0; k < ladder.size(); ++k) {
      EXPECT_LE(work(shape, ladder[k]), 0.25);
      if (k > 0) {
        EXPECT_GT(work(shape, ladder[k]), work(shape, ladder[k - 1]));
      }
    }
  }
}

TEST(LightRows, LeaveOutTheLargest) {
  plan::Sample sample = whole_sample(random_case(make_shape(1, 6, {5, 4}, 2, 3), 1));
  sample.query.rank = {3, 0, 1, plan::kUnranked, 2, 4};
  sample.key[0].rank = {4, 3, 2, 1, 0};
  sample.key[1].rank = {0, 1, 2, 3};
  const plan::Sample light = plan::light_rows(sample, {2, 1, 0, 0, 0});
  EXPECT_EQ(light.query.rows, 4);
  EXPECT_EQ(light.query.x[0], sample.query.x[0]);
  EXPECT_EQ(light.query.x[2], sample.query.x[6]);  // rows 1 and 2 are gone
  EXPECT_EQ(light.key[0].rows, 4);
  EXPECT_EQ(light.key[0].value.size(), 12U);
  EXPECT_EQ(light.key[1].x, sample.key[1].x);
}

}  // namespace
}  // namespace tattn::test
