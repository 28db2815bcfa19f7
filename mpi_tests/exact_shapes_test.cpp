// The library against the twin over shapes: orders, types, widths around the lane counts of every
// instruction set, odd and unequal lengths, slices, causal, scales.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/judge.hpp"

namespace tattn::test {
namespace {

template <class T>
class Exact : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Exact, Types);

constexpr std::array<std::int64_t, 10> kWidths{1, 2, 3, 5, 8, 16, 17, 37, 64, 65};

std::string describe(const Problem& problem) {
  const Shape& s = problem.shape;
  return fmt::format("order {}, {} slices, n {}, keys {} {} {} {}, d {}, dv {}, scale {}{}", s.order, s.slices,
                     s.rows, s.key_rows[0], s.key_rows[1], s.key_rows[2], s.key_rows[3], s.dim, s.value_dim,
                     problem.scale, problem.causal ? ", causal" : "");
}

template <class T>
void check(const Case& c, const std::vector<How>& ways) {
  expect_like_twin<T>(MPI_COMM_WORLD, c, ways, describe(c.problem));
}

TYPED_TEST(Exact, EveryWidth) {
  for (std::size_t k = 0; k < kWidths.size(); ++k) {
    const std::int64_t dim = kWidths[k], value_dim = kWidths[kWidths.size() - 1 - k];
    check<TypeParam>(random_case(make_shape(1, 7, {5, 9}, dim, value_dim), k), {{kCuts[k % kCuts.size()], 1}});
    check<TypeParam>(random_case(make_shape(1, 11, {13}, value_dim, dim), k), {{kCuts[k % kCuts.size()], 2}});
  }
}

TYPED_TEST(Exact, EqualWidthsOfOrderTwo) {
  for (const std::int64_t width : kWidths)
    check<TypeParam>(random_case(make_shape(1, 5, {4, 7}, width, width), width), {{Cut::uneven, 1}});
}

TYPED_TEST(Exact, EveryOrder) {
  const std::vector<std::vector<std::int64_t>> lengths{{31}, {7, 12}, {5, 3, 6}, {3, 4, 2, 5}};
  for (const auto& keys : lengths) {
    const std::vector<How> ways{{Cut::even, 1}, {Cut::reversed, 2}, {Cut::holes, 3}};
    check<TypeParam>(random_case(make_shape(1, 13, keys, 6, 5), 3), ways);
    check<TypeParam>(random_case(make_shape(3, 5, keys, 3, 4), 4), ways);
  }
}

// The causal edge must be right inside a tile of the last key as well as for the outer ones, for every row.
TYPED_TEST(Exact, Causal) {
  for (const std::int64_t rows : {1, 2, 7, 33}) {
    check<TypeParam>(random_case(make_shape(1, rows, {rows}, 5, 5), 5, true), {{Cut::even, 1}});
    check<TypeParam>(random_case(make_shape(2, rows, {rows, rows}, 4, 3), 6, true), {{Cut::uneven, 2}});
  }
  check<TypeParam>(random_case(make_shape(2, 9, {9, 9, 9}, 3, 2), 7, true), {{Cut::holes, 1}});
  check<TypeParam>(random_case(make_shape(1, 5, {5, 5, 5, 5}, 3, 2), 8, true), {{Cut::even, 3}});
  check<TypeParam>(random_case(make_shape(1, 131, {131}, 4, 4), 9, true), {{Cut::reversed, 2}});
}

// Longer than a tile in every direction that is cut into tiles.
TYPED_TEST(Exact, LongerThanATile) {
  check<TypeParam>(random_case(make_shape(1, 259, {517}, 3, 2), 10), {{Cut::even, 2}});
  check<TypeParam>(random_case(make_shape(1, 21, {3, 391}, 2, 3), 11), {{Cut::uneven, 1}});
  check<TypeParam>(random_case(make_shape(1, 3, {391, 3}, 2, 3), 12), {{Cut::even, 1}});
  check<TypeParam>(random_case(make_shape(2, 149, {2, 5, 3}, 2, 2), 13), {{Cut::last, 1}});
}

TYPED_TEST(Exact, MoreSlicesThanRanks) {
  check<TypeParam>(random_case(make_shape(16, 3, {4, 2}, 3, 5), 14), {{Cut::even, 2}});
  check<TypeParam>(random_case(make_shape(9, 1, {1, 2}, 2, 2), 15), {{Cut::holes, 1}});
}

TYPED_TEST(Exact, MoreRanksThanRows) {
  check<TypeParam>(random_case(make_shape(1, 1, {1}, 2, 3), 16), {{Cut::even, 1}});
  check<TypeParam>(random_case(make_shape(1, 1, {40, 30}, 5, 4), 17), {{Cut::reversed, 2}});
  check<TypeParam>(random_case(make_shape(1, 2, {2, 3, 1}, 3, 3), 18), {{Cut::holes, 1}});
  check<TypeParam>(random_case(make_shape(1, 2, {2, 2}, 3, 3), 19, true), {{Cut::even, 3}});
  check<TypeParam>(random_case(make_shape(2, 1, {1, 1, 1, 1}, 1, 1), 20), {{Cut::uneven, 1}});
}

TYPED_TEST(Exact, Scales) {
  for (const double scale : {0.0, -0.0, -0.4, 1.0, 1e-30}) {
    check<TypeParam>(random_case(make_shape(1, 9, {6, 5}, 4, 3), 21, false, scale), {{Cut::even, 1}});
    check<TypeParam>(random_case(make_shape(2, 7, {7, 7}, 4, 3), 22, true, scale), {{Cut::uneven, 2}});
  }
}

}  // namespace
}  // namespace tattn::test
