#pragma once
#include <cstdint>
#include <optional>

#include "comm/communicator.hpp"
#include "plan/minimax.hpp"
#include "plan/monomial_walk.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

inline constexpr std::int64_t kMostFeatures = 20000;  ///< beyond, the search and the moments take too long

/// What the set of features must do.
struct FeatureRequest {
  double tolerance = 1e-3;
  bool certified = false;                ///< by a proven bound on every softmax weight, else by measurement
  std::optional<int> degree;             ///< fixed: all monomials up to it
  std::optional<std::int64_t> features;  ///< fixed: as many as these of those that matter most
  plan::Target target = plan::Target::output;
  std::int64_t most_features = kMostFeatures;  ///< a set of more is refused
};

/// The features of one run, the same on every rank.
struct FeatureChoice {
  plan::Walk walk;
  std::optional<int> degree;  ///< of a full set
  double score_bound = 0;     ///< no score is larger in magnitude
  bool in_double = false;     ///< rounding in T would miss the tolerance: compute in double
  /// Proven for every softmax weight in exact arithmetic, as a share of itself; of a certified set only.
  std::optional<double> certified_error;
  /// Relative Frobenius error against the exact method in double on rows that the set was not chosen on: of O, or
  /// the largest over the gradients (of a random upstream gradient), rounding of the working type (T, or double)
  /// included.
  std::optional<double> measured_error;
};

/// Chooses the features. Collective; rank 0 searches on sampled rows and tells the others.
///
/// certified: all monomials of the smallest degree whose proven error, with the score bound of all rows (Hoelder
/// inequality after balancing), meets the tolerance. measured: the fewest of the monomials found by best-first
/// search on a sample (rows of largest norm and random ones, weighted) whose error on other sampled rows meets two
/// thirds of the tolerance. A fixed degree or number of features is taken as it is, and its errors are told.
///
/// Throws Error(failed), the same on every rank, with the range of the scores and what would help, when no set
/// within the limits meets the tolerance.
template <class T>
[[nodiscard]] FeatureChoice choose_features(const Communicator& comm, const Problem& problem,
                                            const Operands<T>& operands, const FeatureRequest& request);

/// What choose_features tells as measured_error, of features that are there already, on fewer rows, which the seed
/// picks (choose_features takes 1 and 2). Infinite where a normaliser is not positive. Collective; rank 0 computes.
template <class T>
[[nodiscard]] double measure_error(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                   const plan::Walk& walk, plan::Target target, bool in_double, std::uint64_t seed);

/// The problem that one slice's sample of that is: what measuring computes by the exact method, in double.
[[nodiscard]] Problem checked_problem(const Problem& problem);

}  // namespace tattn::polynomial
