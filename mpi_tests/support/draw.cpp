#include "support/draw.hpp"

#include <rapidcheck.h>

namespace tattn::test {
namespace {

/// Key tuples a row stay below about 200, so that the twin is quick.
std::int64_t longest_key(int order) {
  constexpr std::array<std::int64_t, kMaxOrder> kLongest{40, 14, 6, 4};
  return kLongest[static_cast<std::size_t>(order - 1)];
}

}  // namespace

Case draw_case(std::optional<int> fixed_order) {
  const int order = fixed_order ? *fixed_order : *rc::gen::inRange(1, kMaxOrder + 1);
  const bool causal = !fixed_order && *rc::gen::inRange(0, 4) == 0;
  const std::int64_t longest = longest_key(order);
  const std::int64_t rows = *rc::gen::inRange<std::int64_t>(1, (causal ? longest : 20) + 1);
  std::vector<std::int64_t> keys;
  for (int u = 0; u < order; ++u) keys.push_back(causal ? rows : *rc::gen::inRange<std::int64_t>(1, longest + 1));
  const Shape shape = make_shape(*rc::gen::inRange<std::int64_t>(1, 4), rows, keys,
                                 *rc::gen::inRange<std::int64_t>(1, 10), *rc::gen::inRange<std::int64_t>(1, 10));
  const double scale = 0.125 * *rc::gen::inRange(-8, 9);
  return random_case(shape, *rc::gen::inRange<std::uint64_t>(0, 1000), causal, scale);
}

How draw_how() {
  const auto cut = *rc::gen::inRange<std::size_t>(0, kCuts.size());
  return {kCuts[cut], *rc::gen::inRange(1, 4)};
}

void require(const std::function<std::string()>& judge) {
  const std::string difference = verdict(MPI_COMM_WORLD, judge);
  if (!difference.empty()) RC_FAIL(difference);
}

}  // namespace tattn::test
