#include "support/reference_judge.hpp"

namespace tattn::test {
namespace {

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

}  // namespace

template <class T>
void expect_like_file(const Reference& reference, const std::vector<How>& ways, const std::string& name) {
  if (sizeof(T) == sizeof(float) && !reference.single)
    return expect_like_twin<T>(MPI_COMM_WORLD, reference.c, ways, name);
  std::vector<Arrays> results;
  for (const How& how : ways) results.push_back(library_attention<T>(MPI_COMM_WORLD, reference.c, how));
  const auto judge = [&] { return compare_with_file(reference, results, precision_of<T>()); };
  expect_verdict(MPI_COMM_WORLD, judge, name);
}

template void expect_like_file<float>(const Reference&, const std::vector<How>&, const std::string&);
template void expect_like_file<double>(const Reference&, const std::vector<How>&, const std::string&);

}  // namespace tattn::test
