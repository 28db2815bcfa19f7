// The library's gradients against finite differences of the library's own forward pass: independent of the
// twin and of the formulas of the gradient.
#include <gtest/gtest.h>

#include "support/finite_difference.hpp"
#include "support/judge.hpp"

namespace tattn::test {
namespace {

struct Small {
  Shape shape;
  bool causal;
  double scale;
};

class Differences : public testing::TestWithParam<Small> {};

TEST_P(Differences, GiveTheGradients) {
  const auto& [shape, causal, scale] = GetParam();
  const Case c = rounded<float>(random_case(shape, 41, causal, scale));
  const How how{Cut::even, 1};
  expect_gradients_like_differences(c, library_attention<double>(MPI_COMM_WORLD, c, how), [&](const Case& at) {
    return library_forward<double>(MPI_COMM_WORLD, at, how).at("O");
  });
}

INSTANTIATE_TEST_SUITE_P(Cases, Differences,
                         testing::Values(Small{make_shape(1, 4, {5}, 3, 2), false, 0.5},
                                         Small{make_shape(2, 2, {3, 2}, 2, 3), false, 0.5},
                                         Small{make_shape(1, 3, {3, 3}, 2, 2), true, -0.8},
                                         Small{make_shape(1, 2, {3, 2, 2}, 2, 2), false, 0.7},
                                         Small{make_shape(1, 2, {2, 2, 2, 2}, 2, 1), false, 0.6}));

}  // namespace
}  // namespace tattn::test
