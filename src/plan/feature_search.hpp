#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "plan/feature_ranking.hpp"
#include "plan/heavy_rows.hpp"
#include "tattn/problem.hpp"

namespace tattn::plan {

/// Of a row that is not among the largest.
inline constexpr std::int64_t kUnranked = INT64_MAX;

/// Rows drawn from one operand, row-major, and how many rows of the operand each stands for: the largest have
/// weight 1; rows drawn from a range of the ranks by norm, or from the rest, stand for it with (its rows / drawn).
/// So weighted sums over the sample estimate sums over the operand.
struct SampledRows {
  std::int64_t rows = 0;
  std::vector<double> x;       ///< rows x dim; for queries already multiplied by the scale
  std::vector<double> value;   ///< rows x value_dim: the rows of V_u; of queries dO, or empty
  std::vector<double> weight;  ///< rows, positive
  /// Rows: how many of the operand's rows are larger, or kUnranked. Only who asks for heavy rows looks at it.
  std::vector<std::int64_t> rank = {};

  bool operator==(const SampledRows&) const = default;
};

/// Rows of one slice. About 32 queries and 128 to 512 rows a key serve well.
struct Sample {
  int order = 0;
  std::int64_t dim = 0;
  std::int64_t value_dim = 0;
  SampledRows query;
  std::array<SampledRows, kMaxOrder> key;

  bool operator==(const Sample&) const = default;
};

/// The sample without its heavy rows: the counts[u] largest of operand u (Q first).
[[nodiscard]] Sample light_rows(const Sample& sample, const HeavyCounts& counts);

struct SearchOptions {
  std::int64_t limit = 1000;  ///< most features that will be asked for
  int degree_limit = 24;
  Target target = Target::output;
  double effort = 2;  ///< monomials measured, as a multiple of `limit`
};

/// Measures how much each monomial matters for these data, by best-first search over the tree of the
/// full walk, and ranks the `limit` that matter most. Samples: one or several slices of one problem, all
/// of the same order and widths; a monomial's energy is the sum over them.
///
/// With w = 1/alpha! and moments M_u = sum_j k_u^alpha [V_u 1], the term of alpha in N_m - O_m N_0 is
/// what leaving alpha out changes in O_m, times Z. Its energy for the output is
///
///     sum_i (w q_i^alpha / Z_i)^2 sum_m (prod_u M_u[m] - O[i,m] prod_u M_u[0])^2
///
/// For gradients there are 1 + 2t energies: of the term's share in dQ, dK_u, dV_u for an upstream gradient of
/// independent entries, so that nothing about it needs to be known. They are the squares of the term's
/// derivatives, which favours one degree more than the output does. Each is divided by its sum
/// over all monomials, an estimate of the squared norm of the gradient itself, and they are added.
///
/// A monomial's children are looked at when its own reach is the largest left; reach is the energy with
/// all absolute values, separated into one factor an operand, so that the reach of all children comes from
/// one small matrix-vector product and only the expanded monomials are measured.
///
/// The result depends on the arguments only. Throws Error (failed) when the samples are empty or disagree.
[[nodiscard]] FeatureRanking search_features(std::span<const Sample> samples, const SearchOptions& options);

}  // namespace tattn::plan
