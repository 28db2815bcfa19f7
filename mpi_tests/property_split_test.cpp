// However a problem is spread over ranks, cut into blocks and run on threads: the same up to rounding.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "support/draw.hpp"

namespace tattn::test {
namespace {

/// One rank with one thread against all ranks in any other way.
template <class T>
void check_any_split() {
  const Case c = rounded<T>(draw_case());
  const How how = draw_how();
  const Arrays together = library_attention<T>(MPI_COMM_WORLD, c, how);
  const Arrays alone = library_attention<T>(MPI_COMM_SELF, c, {Cut::even, 1});
  require([&] { return first_difference(together, alone, times(2, rounding_bound(c, precision_of<T>()))); });
}

RC_GTEST_PROP(Split, ChangesNothingInSingle, ()) {
  check_any_split<float>();
}
RC_GTEST_PROP(Split, ChangesNothingInDouble, ()) {
  check_any_split<double>();
}

// The blocks of the caller are only where numbers are kept: not even a bit may change.
RC_GTEST_PROP(Split, OfTheCallersBlocksChangesNoBit, ()) {
  const Case c = rounded<float>(draw_case());
  const How first = draw_how();
  How second = draw_how();
  second.threads = first.threads;
  const Arrays a = library_attention<float>(MPI_COMM_WORLD, c, first);
  const Arrays b = library_attention<float>(MPI_COMM_WORLD, c, second);
  require([&] { return first_difference(a, b, times(0, a)); });
}

/// Slice `slice` of every operand as a problem of its own.
Case one_slice(const Case& c, std::int64_t slice) {
  Case one = c;
  one.problem.shape.slices = 1;
  for (auto& [name, values] : one.in) {
    const std::int64_t size = size_of(one.problem.shape, name).count();
    values.assign(c.in.at(name).begin() + slice * size, c.in.at(name).begin() + (slice + 1) * size);
  }
  return one;
}

RC_GTEST_PROP(Split, SlicesAreIndependent, ()) {
  const Case c = draw_case();
  const std::int64_t slice = *rc::gen::inRange<std::int64_t>(0, c.problem.shape.slices);
  const Case one = one_slice(c, slice);
  const Arrays all = library_attention<double>(MPI_COMM_WORLD, c, draw_how());
  const Arrays alone = library_attention<double>(MPI_COMM_WORLD, one, draw_how());
  require([&] {
    Arrays part;
    for (const auto& [name, values] : alone)
      part[name].assign(all.at(name).begin() + slice * static_cast<std::int64_t>(values.size()),
                        all.at(name).begin() + (slice + 1) * static_cast<std::int64_t>(values.size()));
    return first_difference(part, alone, times(2, rounding_bound(one, precision_of<double>())));
  });
}

}  // namespace
}  // namespace tattn::test
