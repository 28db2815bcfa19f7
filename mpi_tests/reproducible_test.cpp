// Options::reproducible: the same bits at any number of ranks. Every rank computes the whole problem by itself and
// takes part in computing it together; the two must not differ in a bit.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/communicator.hpp"
#include "comm/sum_tree.hpp"
#include "support/scatter.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

template <class T>
class Reproducible : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(Reproducible, Types);

template <class T>
void expect_same_bits(const Case& c, How how) {
  how.reproducible = true;
  const Arrays alone = library_attention<T>(MPI_COMM_SELF, c, how);
  for (const Cut cut : {Cut::even, Cut::holes}) {
    how.cut = cut;
    const Arrays together = library_attention<T>(MPI_COMM_WORLD, c, how);
    for (const auto& [name, values] : alone) EXPECT_EQ(together.at(name), values) << name;
  }
}

// Blocks that are not full, ranks without any, slices that ranks share, and more than one thread.
TYPED_TEST(Reproducible, ExactOfOrdersOneToThree) {
  const std::vector<Case> cases{
      random_case(make_shape(2, 600, {90}, 8, 5), 1), random_case(make_shape(1, 300, {20, 33}, 7, 4), 2),
      random_case(make_shape(2, 150, {5, 8, 3}, 5, 3), 3), random_case(make_shape(5, 70, {20, 11}, 4, 9), 4),
      random_case(make_shape(1, 1, {40, 7}, 3, 3), 5)};
  for (const Case& c : cases)
    for (const int threads : {1, 2}) expect_same_bits<TypeParam>(c, {Cut::even, threads});
}

TYPED_TEST(Reproducible, ExactOfCausalProblems) {
  expect_same_bits<TypeParam>(random_case(make_shape(1, 600, {600}, 4, 3), 6, true), {});
  expect_same_bits<TypeParam>(random_case(make_shape(2, 70, {70, 70}, 4, 2), 7, true), {Cut::even, 2});
}

TYPED_TEST(Reproducible, PolynomialOfOrdersOneToThree) {
  for (const std::int64_t features : {1, 90}) {
    How how{Cut::even, 2, Method::polynomial};
    how.features = features;
    expect_same_bits<TypeParam>(random_case(make_shape(2, 600, {900}, 6, 5), 8, false, 0.05), how);
    expect_same_bits<TypeParam>(random_case(make_shape(1, 700, {30, 520}, 5, 3), 9, false, 0.05), how);
    expect_same_bits<TypeParam>(random_case(make_shape(7, 90, {40, 30, 20}, 4, 2), 10, false, 0.05), how);
  }
}

// What is chosen must not depend on ranks or rates either; nor do heavy rows, which split the problem.
TYPED_TEST(Reproducible, WhateverIsChosen) {
  Case c = random_case(make_shape(1, 900, {640}, 6, 4), 11, false, 0.1);
  expect_same_bits<TypeParam>(c, {Cut::even, 1, Method::polynomial});
  for (const std::int64_t row : {5, 700})
    for (std::int64_t l = 0; l < 6; ++l) c.in["Q"][static_cast<std::size_t>(row * 6 + l)] *= 30;
  expect_same_bits<TypeParam>(c, {Cut::even, 1, Method::polynomial});
  expect_same_bits<TypeParam>(c, {Cut::even, 1, Method::automatic});
}

// One thread or more: the same but for the exact gradient.
TYPED_TEST(Reproducible, WithOtherThreadsWhereThatIsPromised) {
  const Case c = random_case(make_shape(1, 500, {300}, 6, 5), 12, false, 0.1);
  How one{Cut::even, 1, Method::exact}, three{Cut::even, 3, Method::exact};
  one.reproducible = three.reproducible = true;
  EXPECT_EQ(library_forward<TypeParam>(MPI_COMM_WORLD, c, one),
            library_forward<TypeParam>(MPI_COMM_WORLD, c, three));
  one.method = three.method = Method::polynomial;
  one.features = three.features = 60;
  EXPECT_EQ(library_attention<TypeParam>(MPI_COMM_WORLD, c, one),
            library_attention<TypeParam>(MPI_COMM_WORLD, c, three));
}

TYPED_TEST(Reproducible, IsRefusedOfTheDenseMethod) {
  How how{Cut::even, 1, Method::dense};
  how.reproducible = true;
  const Case c = random_case(make_shape(1, 9, {8, 7}, 3, 3), 13);
  EXPECT_THROW(library_forward<TypeParam>(MPI_COMM_WORLD, c, how), Error);
}

// Sums whose bits tell the order: the tree's, whatever blocks the ranks have.
TEST(SumTree, AddsInOneOrder) {
  const Communicator comm(MPI_COMM_WORLD);
  const auto value = [](std::int64_t slice, std::int64_t block) {
    return std::pow(1.0 + 1.0 / 3.0, static_cast<double>(7 * block % 11)) * static_cast<double>(slice + 1) / 7;
  };
  for (const std::int64_t count : {1, 2, 5, 8, 13}) {
    const RowRange units = even_range(3 * count, comm.size(), comm.rank());
    SumTree tree;
    for (std::int64_t unit = units.begin; unit < units.end; ++unit)
      tree.add({unit / count, 0, unit % count}, {value(unit / count, unit % count), 1});
    const auto got = sum_in_tree_for_all(comm, tree, units, count, 3, 2, 1);
    for (std::int64_t slice = 0; slice < 3; ++slice) {
      SumTree alone;
      for (std::int64_t block = 0; block < count; ++block) alone.add({slice, 0, block}, {value(slice, block), 1});
      EXPECT_EQ(alone.total(), std::vector<double>(got.begin() + 2 * slice, got.begin() + 2 * slice + 2));
      EXPECT_EQ(got[static_cast<std::size_t>(2 * slice + 1)], static_cast<double>(count));
    }
  }
}

TEST(SumTree, SumsRowsInTheirOrder) {
  const Communicator comm(MPI_COMM_WORLD);
  Matrix all = random_matrix(1000, 14, "rows");
  double sum = 0;
  for (const double x : all) sum += x;
  for (const Cut cut : kCuts) {
    const RowRange mine = cut_rows(cut, 1000, comm.size(), comm.rank());
    EXPECT_EQ(sum_in_order(comm, {all.data() + mine.begin, mine}, 1000), sum);
  }
}

}  // namespace
}  // namespace tattn::test
