#pragma once
// Cases whose features differ in size, and samples of them for the search for features.
#include "plan/feature_search.hpp"
#include "support/case.hpp"

namespace tattn::test {

/// Q and keys normal with standard deviation spread[l] in column l, values uniform in [0, 1], dO as in
/// random_case.
Case spread_case(const Shape& shape, std::uint64_t seed, const std::vector<double>& spread);

/// Every row of one slice with weight 1.
plan::Sample whole_sample(const Case& c, std::int64_t slice = 0);

/// Of one slice, the `top` rows of largest norm with weight 1 and every k-th of the others, `rows` in all,
/// with the weight that makes them stand for all of these. Queries: the same with `queries` rows.
plan::Sample drawn_sample(const Case& c, std::int64_t queries, std::int64_t rows, std::int64_t top);

}  // namespace tattn::test
