// Every file of data/reference through the library: whatever the rank count, the cut and the threads.
#include <gtest/gtest.h>

#include "support/judge.hpp"
#include "support/reference_file.hpp"

namespace tattn::test {
namespace {

class ExactOnFile : public testing::TestWithParam<std::string> {
 protected:
  Reference reference = read_reference(GetParam());
};

std::vector<How> ways() {
  return {{Cut::even, 1}, {Cut::uneven, 2}, {Cut::last, 1}, {Cut::holes, 3}};
}

/// The expected arrays of the file, by its own precision and that of the computation.
std::string compare_with_file(const Reference& reference, const std::vector<Arrays>& results, Precision precision) {
  const Arrays rounding = rounding_bound(reference.c, precision);
  const std::string difference =
      first_difference(results, reference.expected, plus(reference_bound(reference.expected), rounding));
  if (!difference.empty() || reference.model.empty()) return difference;
  std::vector<Arrays> weights;
  for (const Arrays& result : results) weights.push_back(weight_gradients(reference, result));
  const Arrays bound = weight_bound(reference, results.front(), rounding);
  return first_difference(weights, reference.expected_weights,
                          plus(reference_bound(reference.expected_weights), bound));
}

template <class T>
void expect_like_file(const Reference& reference, const std::string& name) {
  std::vector<Arrays> results;
  for (const How& how : ways()) results.push_back(library_attention<T>(MPI_COMM_WORLD, reference.c, how));
  const auto judge = [&] { return compare_with_file(reference, results, precision_of<T>()); };
  expect_verdict(MPI_COMM_WORLD, judge, name);
}

TEST_P(ExactOnFile, InDouble) {
  expect_like_file<double>(reference, GetParam());
}

// Files with float32 operands are compared with what they expect; the others are rounded to float first,
// which changes their results, so that the twin has to say what to expect.
TEST_P(ExactOnFile, InSingle) {
  if (reference.single)
    expect_like_file<float>(reference, GetParam());
  else
    expect_like_twin<float>(MPI_COMM_WORLD, reference.c, ways(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Reference, ExactOnFile, testing::ValuesIn(reference_files()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tattn::test
