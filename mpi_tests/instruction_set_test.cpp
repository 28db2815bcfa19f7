// Every instruction set that this machine and build offer gives what the plain twin gives.
#include "kernels/instruction_set.hpp"

#include <gtest/gtest.h>

#include "support/judge.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

class InstructionSet : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { kernels::use_instruction_set(GetParam()); }
  void TearDown() override { kernels::use_instruction_set(""); }

  template <class T>
  void check(const Case& c) {
    expect_like_twin<T>(MPI_COMM_WORLD, c, {{Cut::even, 2}}, GetParam());
  }

  template <class T>
  void check_all() {
    for (const std::int64_t width : {1, 5, 8, 16, 37})
      check<T>(random_case(make_shape(1, 19, {7, 23}, width, width + 1), static_cast<std::uint64_t>(width)));
    check<T>(random_case(make_shape(1, 37, {37}, 16, 9), 3, true));
    check<T>(random_case(make_shape(2, 21, {21, 21}, 6, 17), 4, true));
    Case large = random_case(make_shape(1, 17, {5, 29}, 4, 4), 5);
    large.problem.scale *= 400;  // scores in the thousands: top must follow them
    check<T>(large);
  }
};

TEST_P(InstructionSet, IsUsed) {
  EXPECT_EQ(kernels::instruction_set(), GetParam());
}

TEST_P(InstructionSet, FloatLikeTwin) {
  check_all<float>();
}

TEST_P(InstructionSet, DoubleLikeTwin) {
  check_all<double>();
}

INSTANTIATE_TEST_SUITE_P(Offered, InstructionSet, testing::ValuesIn(kernels::instruction_sets()),
                         [](const auto& each) { return each.param; });

TEST(InstructionSets, NameIsTakenInAnyCase) {
  const std::string last = kernels::instruction_sets().back();
  std::string lower = last;
  for (char& letter : lower) letter = static_cast<char>(std::tolower(letter));
  kernels::use_instruction_set(lower);
  EXPECT_EQ(kernels::instruction_set(), last);
  kernels::use_instruction_set("");
  EXPECT_EQ(kernels::instruction_set(), kernels::instruction_sets().front());
}

TEST(InstructionSets, UnknownNameIsRefusedWithTheNames) {
  try {
    kernels::use_instruction_set("abacus");
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::usage);
    EXPECT_NE(std::string(error.what()).find(kernels::instruction_sets().front()), std::string::npos);
  }
}

}  // namespace
}  // namespace tattn::test
