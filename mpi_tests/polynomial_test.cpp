// The polynomial method over ranks, threads and types against its slow twin.
#include "polynomial/polynomial.hpp"

#include <gtest/gtest.h>

#include "kernels/instruction_set.hpp"
#include "plan/feature_search.hpp"
#include "support/judge.hpp"
#include "support/plain_polynomial.hpp"
#include "support/polynomial_run.hpp"
#include "support/sampled_case.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

/// On the default grid.
template <class T>
Arrays library_polynomial(const Case& c, const plan::Walk& walk, const How& how, bool keep = false) {
  const plan::Grid grid = plan::default_grid(c.problem.shape, size_of_comm(MPI_COMM_WORLD));
  return library_polynomial<T>(c, walk, grid, how, keep);
}

template <class T>
class PolynomialMethod : public testing::Test {
 protected:
  static void check(const Case& original, const plan::Walk& walk, const std::vector<How>& ways) {
    const Case c = rounded<T>(original);
    std::vector<Arrays> results;
    for (const How& how : ways) results.push_back(library_polynomial<T>(c, walk, how));
    expect_polynomial<T>(c, walk, results, "polynomial");
  }
};

using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(PolynomialMethod, Types);

TYPED_TEST(PolynomialMethod, EveryOrderCutAndThreadCount) {
  const std::vector<std::vector<std::int64_t>> lengths{{31}, {7, 12}, {5, 3, 6}, {3, 4, 2, 5}};
  for (const auto& keys : lengths) {
    const Case c = random_case(make_shape(2, 13, keys, 4, 5), 3);
    this->check(c, plan::full_walk(4, 4), {{Cut::even, 1}, {Cut::reversed, 2}, {Cut::holes, 3}, {Cut::last, 1}});
  }
}

TYPED_TEST(PolynomialMethod, EveryWidth) {
  for (const std::int64_t width : {1, 2, 7, 8, 9, 15, 16, 17, 33}) {
    this->check(random_case(make_shape(1, 9, {11, 5}, width, 34 - width), 4), plan::full_walk(width, 2),
                {{Cut::even, 1}});
    this->check(random_case(make_shape(1, 9, {11, 5}, 3, width), 5), plan::full_walk(3, 5), {{Cut::uneven, 2}});
  }
}

TYPED_TEST(PolynomialMethod, EveryInstructionSet) {
  for (const std::string& name : kernels::instruction_sets()) {
    SCOPED_TRACE(name);
    kernels::use_instruction_set(name);
    for (const std::int64_t width : {8, 17})
      this->check(random_case(make_shape(1, 70, {37, 20}, 5, width), 13), plan::full_walk(5, 4), {{Cut::even, 2}});
  }
  kernels::use_instruction_set("");
}

// More nodes than a tile, more rows than a block of rows.
TYPED_TEST(PolynomialMethod, LongerThanATile) {
  this->check(random_case(make_shape(1, 301, {133, 290}, 5, 3), 6), plan::full_walk(5, 5), {{Cut::even, 2}});
}

TYPED_TEST(PolynomialMethod, CertifiedWeightsOfBothSigns) {
  plan::Walk walk = plan::full_walk(3, 6);
  plan::set_weights(walk, plan::relative_minimax_exp(3.0, 6));
  this->check(random_case(make_shape(1, 21, {17, 19}, 3, 4), 7), walk, {{Cut::even, 1}});
}

TYPED_TEST(PolynomialMethod, SearchedSetWithPassThroughNodes) {
  const Case c = spread_case(make_shape(1, 40, {30, 35}, 6, 4), 8, {1.5, 1, 0.7, 0.4, 0.2, 0.1});
  const std::vector<plan::Sample> samples{whole_sample(c)};
  const plan::Walk walk = plan::keep(plan::search_features(samples, {.limit = 60}), 60);
  this->check(c, walk, {{Cut::even, 1}, {Cut::uneven, 2}});
}

// Moments kept from the forward pass and made again: the same gradients.
TYPED_TEST(PolynomialMethod, MomentsOfTheForwardPass) {
  const Case c = random_case(make_shape(3, 13, {7, 12}, 4, 5), 12);
  const plan::Walk walk = plan::full_walk(4, 4);
  const Arrays kept = library_polynomial<TypeParam>(c, walk, {}, true);
  EXPECT_EQ(kept, library_polynomial<TypeParam>(c, walk, {}));
}

TYPED_TEST(PolynomialMethod, MoreRanksThanRows) {
  this->check(random_case(make_shape(1, 1, {2, 1}, 3, 3), 9), plan::full_walk(3, 3),
              {{Cut::even, 1}, {Cut::holes, 2}});
}

// A polynomial of odd degree is negative far to the left: an error on every rank, never a result.
TEST(PolynomialNormaliser, NotPositiveIsAnError) {
  Case c = random_case(make_shape(1, 5, {4}, 1, 1), 10, false, 1.0);
  for (double& x : c.in.at("Q")) x = -9;
  for (double& x : c.in.at("K1")) x = 1;
  try {
    library_polynomial<double>(c, plan::full_walk(1, 1), {});
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::failed);
    EXPECT_NE(std::string(error.what()).find("2 features"), std::string::npos) << error.what();
  }
}

TEST(PolynomialCausal, IsRefused) {
  EXPECT_THROW(
      library_polynomial<double>(random_case(make_shape(1, 5, {5}, 2, 2), 11, true), plan::full_walk(2, 2), {}),
      Error);
}

}  // namespace
}  // namespace tattn::test
