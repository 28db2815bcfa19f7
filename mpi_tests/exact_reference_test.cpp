// Every file of data/reference through the library: whatever the rank count, the cut and the threads.
#include <gtest/gtest.h>

#include "support/reference_judge.hpp"

namespace tattn::test {
namespace {

class ExactOnFile : public testing::TestWithParam<std::string> {
 protected:
  Reference reference = read_reference(GetParam());
};

std::vector<How> ways() {
  return {{Cut::even, 1}, {Cut::uneven, 2}, {Cut::last, 1}, {Cut::holes, 3}};
}

TEST_P(ExactOnFile, InDouble) {
  expect_like_file<double>(reference, ways(), GetParam());
}

TEST_P(ExactOnFile, InSingle) {
  expect_like_file<float>(reference, ways(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Reference, ExactOnFile, testing::ValuesIn(reference_files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tattn::test
