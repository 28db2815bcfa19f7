#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "tattn/problem.hpp"

namespace tattn::plan {

/// How many rows a sample takes of each operand: those of largest balanced norm and others.
struct SampleSizes {
  std::int64_t largest_queries, random_queries, largest_keys, random_keys;
  [[nodiscard]] std::int64_t largest(std::size_t operand) const {
    return operand == 0 ? largest_queries : largest_keys;
  }
};

/// Of the rows on which monomials are ranked.
inline constexpr SampleSizes kSearchSizes{8, 24, 16, 240};

/// By order, of the rows on which sets are tried: their exact results take a moment.
inline constexpr std::array<SampleSizes, kMaxOrder> kTrialSizes = {
    SampleSizes{8, 120, 32, 2016}, {8, 56, 16, 240}, {4, 28, 4, 60}, {2, 14, 2, 22}};

/// By order, of the rows on which features in use are looked at: often.
inline constexpr std::array<SampleSizes, kMaxOrder> kCheckSizes = {
    SampleSizes{8, 120, 16, 496}, {8, 56, 8, 56}, {4, 28, 4, 20}, {2, 14, 2, 10}};

[[nodiscard]] inline const SampleSizes& of_order(const std::array<SampleSizes, kMaxOrder>& sizes, int order) {
  return sizes[static_cast<std::size_t>(order - 1)];
}

/// A slice's sample as a problem of its own: no more rows than that.
[[nodiscard]] inline Problem sampled_problem(const Problem& problem, const SampleSizes& sizes) {
  Problem sampled = problem;
  sampled.shape.slices = 1;
  sampled.shape.rows = std::min(problem.shape.rows, sizes.largest_queries + sizes.random_queries);
  for (std::int64_t& rows : sampled.shape.key_rows) rows = std::min(rows, sizes.largest_keys + sizes.random_keys);
  return sampled;
}

}  // namespace tattn::plan
