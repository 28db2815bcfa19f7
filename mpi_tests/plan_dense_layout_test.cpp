// How the dense method deals rows and tuples over a grid: pure arithmetic.
#include "plan/dense_layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/case.hpp"

namespace tattn::test {
namespace {

using plan::Deal;
using plan::DenseLayout;

TEST(Deal, GivesEachIndexToOnePart) {
  for (const std::int64_t count : {0, 1, 6, 7, 64, 65, 200})
    for (const std::int64_t block : {1, 2, 5, 64})
      for (const int parts : {1, 2, 3, 7}) {
        const Deal deal{count, block, parts};
        std::vector<int> found(static_cast<std::size_t>(count), -1);
        for (int part = 0; part < parts; ++part) {
          EXPECT_LE(deal.size(part), deal.size(0));
          for (std::int64_t local = 0; local < deal.size(part); ++local) {
            const std::int64_t index = deal.global(part, local);
            ASSERT_LT(index, count);
            EXPECT_EQ(found[static_cast<std::size_t>(index)], -1);
            EXPECT_EQ(index / block % parts, part);
            found[static_cast<std::size_t>(index)] = part;
          }
        }
        EXPECT_EQ(std::count(found.begin(), found.end(), -1), 0);
      }
}

TEST(DenseLayout, UsesAllRanksAndLeavesFewWithoutRows) {
  for (int ranks = 1; ranks <= 64; ++ranks)
    for (const std::int64_t rows : {1, 3, 100, 5000}) {
      const DenseLayout layout = plan::dense_layout(make_shape(2, rows, {40, 50}, 3, 4), ranks);
      EXPECT_EQ(layout.grid_rows * layout.grid_columns, ranks);
      EXPECT_EQ(layout.tuples, 2000);
      EXPECT_LE(std::min(layout.grid_rows, layout.grid_columns), rows);
      // The longer side of the grid goes along the longer side of P.
      const std::int64_t along_rows = layout.grid_rows, along_tuples = layout.grid_columns;
      EXPECT_GE(rows <= 2000 ? along_tuples : along_rows, rows <= 2000 ? along_rows : along_tuples)
          << ranks << " ranks, " << rows << " rows";
    }
}

TEST(DenseLayout, PanelsAreConsecutiveRowsOfProcessColumnZero) {
  const DenseLayout layout = plan::dense_layout(make_shape(1, 10, {40}, 3, 4), 6);
  EXPECT_EQ(layout.panel_rows().size(0), 5);
  EXPECT_EQ(layout.panel_rows().global(1, 2), 7);
  EXPECT_EQ(layout.panel_columns(3).size(0), 3);
  EXPECT_EQ(layout.panel_columns(3).size(1), 0);
}

}  // namespace
}  // namespace tattn::test
