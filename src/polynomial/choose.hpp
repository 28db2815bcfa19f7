#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "comm/communicator.hpp"
#include "plan/heavy_rows.hpp"
#include "plan/minimax.hpp"
#include "plan/monomial_walk.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

inline constexpr std::int64_t kMostFeatures = 20000;  ///< beyond, the search and the moments take too long

/// What heavy rows and features are predicted to take. With it the two are chosen together, for the least seconds.
struct SplitCosts {
  std::function<double(std::int64_t features, const plan::HeavyCounts& heavy, bool in_double)> seconds;
  /// The largest set that beside these heavy rows takes less than `below` seconds, its choice included; 0: none.
  std::function<std::int64_t(const plan::HeavyCounts& heavy, double below)> most_features;
  /// Of trying sets of up to so many features beside these heavy rows.
  std::function<double(std::int64_t features, const plan::HeavyCounts& heavy)> search;
};

/// What the set of features must do.
struct FeatureRequest {
  double tolerance = 1e-3;
  bool certified = false;                ///< by a proven bound on every softmax weight, else by measurement
  std::optional<int> degree;             ///< fixed: all monomials up to it
  std::optional<std::int64_t> features;  ///< fixed: as many as these of those that matter most
  plan::Target target = plan::Target::output;
  std::optional<plan::HeavyCounts> heavy;  ///< fixed: so many rows of largest norm; some light ones must be left
  std::optional<SplitCosts> costs;         ///< none: no rows are heavy but fixed ones
  double most_seconds = std::numeric_limits<double>::infinity();  ///< with costs: what takes more is refused
};

/// The features of one run, the same on every rank.
struct FeatureChoice {
  plan::Walk walk;
  plan::HeavyRows heavy;
  std::optional<int> degree;  ///< of a full set
  double score_bound = 0;     ///< no score of light rows is larger in magnitude
  bool in_double = false;     ///< rounding in T would miss the tolerance: compute in double
  /// Proven for every softmax weight in exact arithmetic, as a share of itself; of a certified set only.
  std::optional<double> certified_error;
  /// Relative Frobenius error against the exact method in double: of O, or the largest over O and the gradients (of
  /// operands.upstream, or a random one), rounding of the working type (T, or double) included.
  /// On rows that the monomials were not searched on; of a set that was fitted, the larger of that and of rows held
  /// out from choosing (the same where operands are sampled whole).
  std::optional<double> measured_error;
};

/// Chooses the features. Collective; rank 0 searches on sampled rows and tells the others.
///
/// certified: all monomials of the smallest degree whose proven error, with the score bound of all rows (Hoelder
/// inequality after balancing), meets the tolerance. measured: the fewest of the monomials found by best-first
/// search on a sample (rows of largest norm and random ones, weighted) whose error, with weights fitted degree by
/// degree, on other sampled rows, and on ones held out from choosing, meets two thirds of the tolerance, of
/// gradients half. A fixed degree or number of features is taken as it is, and its errors are told.
///
/// Heavy rows, those of largest norm after balancing, are computed exactly: what the sets must do is asked of the
/// light rows (certified: their scores' bound; measured: the merged result). With costs, several numbers of heavy
/// rows (plan::heavy_ladder) are tried, none among them, and the one with the least predicted seconds is taken.
///
/// Throws Error(failed), the same on every rank, with the range of the scores and what would help, when no set
/// within the limits meets the tolerance.
template <class T>
[[nodiscard]] FeatureChoice choose_features(const Communicator& comm, const Problem& problem,
                                            const Operands<T>& operands, const FeatureRequest& request);

/// What choose_features tells as measured_error, of features that are there already, on fewer rows, which the seed
/// picks (choose_features takes 1 to 3). Infinite where a normaliser is not positive. Collective; rank 0 computes.
template <class T>
[[nodiscard]] double measure_error(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                   const plan::Walk& walk, plan::Target target, bool in_double, std::uint64_t seed);

/// The problem that one slice's sample of that is: what measuring computes by the exact method, in double.
[[nodiscard]] Problem checked_problem(const Problem& problem);

}  // namespace tattn::polynomial
