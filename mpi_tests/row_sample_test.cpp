// Sampled rows stand for all rows: their weights add up, the largest are there, and the ranks do not matter.
#include "polynomial/row_sample.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "support/sampled_case.hpp"
#include "support/scatter.hpp"

namespace tattn::test {
namespace {

using plan::HeavyCounts;
using plan::SampleSizes;
using polynomial::RankedRows;

constexpr std::int64_t kRows = 400, kDim = 3;
constexpr SampleSizes kSizes{4, 36, 6, 54};

Case some_case() {
  return spread_case(make_shape(2, kRows, {300, 60}, kDim, 2), 7, {1, 0.8, 0.6});
}

plan::Sample sample(MPI_Comm handle, const Case& c, const HeavyCounts& ranked, const HeavyCounts& heavy) {
  const Communicator comm(handle);
  Scattered<double> mine(handle, c, {Cut::uneven, 1});
  const plan::Balance balance = polynomial::balance_operands(comm, c.problem, mine.operands());
  RankedRows rows = polynomial::rank_rows(comm, c.problem, mine.operands(), balance, 1, ranked);
  rows.heavy = heavy;
  return polynomial::sample_rows(comm, c.problem, mine.operands(), rows, 1, kSizes, 11);
}

double total(const std::vector<double>& weight) {
  return std::accumulate(weight.begin(), weight.end(), 0.0);
}

/// Rows with ranks are those of the largest norms: no other row of the sample is larger, nor one of a later rank.
void expect_ranked_by_norm(const plan::SampledRows& rows, const plan::Balance& balance, int operand) {
  std::vector<double> norm(static_cast<std::size_t>(rows.rows));
  plan::row_norms(balance, operand, rows.x.data(), rows.rows, norm.data());
  for (std::size_t a = 0; a < norm.size(); ++a)
    for (std::size_t b = 0; b < norm.size(); ++b)
      if (rows.rank[a] < rows.rank[b]) {
        EXPECT_GE(norm[a], norm[b]);
      }
}

TEST(RowSample, StandsForAllRowsWhateverIsRanked) {
  const Case c = some_case();
  for (const HeavyCounts ranked : {HeavyCounts{4, 6, 6}, HeavyCounts{200, 150, 30}, HeavyCounts{kRows, 300, 60}}) {
    const plan::Sample alone = sample(MPI_COMM_SELF, c, ranked, {}),
                       together = sample(MPI_COMM_WORLD, c, ranked, {});
    if (rank_of(MPI_COMM_WORLD) != 0) continue;
    EXPECT_EQ(alone, together);
    const double eps = kRows * std::numeric_limits<double>::epsilon();
    EXPECT_NEAR(total(alone.query.weight), kRows, kRows * eps);
    EXPECT_NEAR(total(alone.key[0].weight), 300, 300 * eps);
    EXPECT_EQ(alone.key[1].weight, std::vector<double>(60, 1.0));  // no more than the sample
    EXPECT_LE(alone.query.rows, 2 * 40);
    EXPECT_LE(alone.key[0].rows, 2 * 60);
    for (int rank = 0; rank < 4; ++rank)
      EXPECT_EQ(std::count(alone.query.rank.begin(), alone.query.rank.end(), rank), 1);
    const Communicator self(MPI_COMM_SELF);
    Scattered<double> mine(MPI_COMM_SELF, c, {});
    const plan::Balance balance = polynomial::balance_operands(self, c.problem, mine.operands());
    for (int u = 0; u < 2; ++u) expect_ranked_by_norm(alone.key[static_cast<std::size_t>(u)], balance, u + 1);
  }
}

// All but three rows are heavy: the three are in the sample.
TEST(RowSample, HasLightRowsHoweverFewThereAre) {
  const Case c = some_case();
  const HeavyCounts heavy{0, 297, 0};
  const plan::Sample some = sample(MPI_COMM_WORLD, c, {4, 300, 6}, heavy);
  if (rank_of(MPI_COMM_WORLD) != 0) return;
  EXPECT_EQ(plan::light_rows(some, heavy).key[0].weight, std::vector<double>(3, 1.0));
}

}  // namespace
}  // namespace tattn::test
