// Who judges the judges: the twin against the reference files, against finite differences of itself, and
// its bounds against what they must notice.
#include "support/plain_attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/finite_difference.hpp"
#include "support/reference_file.hpp"
#include "support/tolerance.hpp"

namespace tattn::test {
namespace {

class TwinOnFile : public testing::TestWithParam<std::string> {};

TEST_P(TwinOnFile, GivesTheExpectedResults) {
  const Reference reference = read_reference(GetParam());
  const Arrays got = plain_attention(reference.c);
  const Arrays bound = rounding_bound(reference.c, precision_of<double>());
  ASSERT_GE(reference.expected.size(), 2U);
  EXPECT_EQ(first_difference(got, reference.expected, plus(reference_bound(reference.expected), bound)), "");
}

TEST_P(TwinOnFile, GivesTheWeightGradientsOfAProblemFile) {
  const Reference reference = read_reference(GetParam());
  if (reference.model.empty()) return;  // an attention file
  const Arrays gradients = plain_attention(reference.c);
  const Arrays bound = weight_bound(reference, gradients, rounding_bound(reference.c, precision_of<double>()));
  EXPECT_EQ(first_difference(weight_gradients(reference, gradients), reference.expected_weights,
                             plus(reference_bound(reference.expected_weights), bound)),
            "");
}

INSTANTIATE_TEST_SUITE_P(Reference, TwinOnFile, testing::ValuesIn(reference_files()),
                         [](const auto& info) { return info.param; });

TEST(ReferenceFiles, AreAllThere) {
  EXPECT_EQ(reference_files().size(), 18U);
}

class TwinOfOrder : public testing::TestWithParam<int> {};

TEST_P(TwinOfOrder, HasTheGradientsThatDifferencesShow) {
  const std::vector<std::int64_t> lengths{4, 3, 2, 3};
  const int order = GetParam();
  const Shape shape = make_shape(2, 3, {lengths.begin(), lengths.begin() + order}, 2, 3);
  const Case c = rounded<float>(random_case(shape, 11, false, 0.6));
  const Arrays gradients = plain_attention(c);
  expect_gradients_like_differences(c, gradients, [](const Case& at) { return plain_attention(at).at("O"); });
}

INSTANTIATE_TEST_SUITE_P(Orders, TwinOfOrder, testing::Range(1, kMaxOrder + 1));

TEST(Twin, FollowsCausalDifferences) {
  const Case c = rounded<float>(random_case(make_shape(1, 4, {4, 4}, 2, 2), 12, true, -0.7));
  expect_gradients_like_differences(c, plain_attention(c),
                                    [](const Case& at) { return plain_attention(at).at("O"); });
}

TEST(Twin, CausalRowSeesNothingLater) {
  Case c = random_case(make_shape(1, 5, {5, 5}, 3, 3), 13, true);
  const Arrays before = plain_attention(c);
  for (const auto* name : {"K1", "V1", "K2", "V2"})
    for (std::size_t x = 9; x < 15; ++x) c.in[name][x] += 1;  // rows 3 and 4
  const Arrays after = plain_attention(c);
  for (std::size_t x = 0; x < 9; ++x) EXPECT_EQ(before.at("O")[x], after.at("O")[x]);
  EXPECT_NE(before.at("O")[9], after.at("O")[9]);
}

// By hand: two keys, scores 0 and log 3, so P = 1/4, 3/4.
TEST(Twin, GivesWhatIsEasyByHand) {
  Case c{{make_shape(1, 1, {2}, 1, 1), 1.0, false}, {}};
  c.in = {{"Q", {1}}, {"K1", {0, std::log(3.0)}}, {"V1", {8, 4}}, {"dO", {2}}};
  const Arrays got = plain_attention(c);
  EXPECT_DOUBLE_EQ(got.at("O")[0], 5);
  EXPECT_DOUBLE_EQ(got.at("LSE")[0], std::log(4.0));
  EXPECT_DOUBLE_EQ(got.at("dV1")[0], 0.5);
  EXPECT_DOUBLE_EQ(got.at("dV1")[1], 1.5);
  EXPECT_DOUBLE_EQ(got.at("dK1")[0], 0.25 * (2 * 8 - 2 * 5));
  EXPECT_DOUBLE_EQ(got.at("dQ")[0], 0.75 * (2 * 4 - 2 * 5) * std::log(3.0));
}

// The faults of published kernels must be far beyond the bound, in float too, or the bound judges nothing.
TEST(Bound, NoticesTheUsualFaults) {
  const Case c = rounded<float>(random_case(make_shape(1, 9, {7, 5}, 8, 6), 14));
  const Arrays right = plain_attention(c), bound = rounding_bound(c, precision_of<float>());
  EXPECT_EQ(first_difference(right, right, bound), "");

  for (const auto& [name, values] : right) {
    Arrays wrong = right;
    const auto top = std::max_element(values.begin(), values.end()) - values.begin();
    wrong[name][top] *= 1 + 0x1p-10;
    EXPECT_NE(first_difference(wrong, right, bound), "") << name;
    wrong[name][top] = std::nan("");
    EXPECT_NE(first_difference(wrong, right, bound), "") << name;
    wrong.erase(name);
    EXPECT_NE(first_difference(wrong, right, bound), "") << name;
  }
}

}  // namespace
}  // namespace tattn::test
