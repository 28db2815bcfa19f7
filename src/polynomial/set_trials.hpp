#pragma once
#include <span>
#include <vector>

#include "comm/communicator.hpp"
#include "plan/feature_ranking.hpp"
#include "plan/feature_search.hpp"
#include "plan/heavy_rows.hpp"
#include "polynomial/trial.hpp"

namespace tattn::polynomial {

/// Rows of up to two slices, drawn apart for each purpose: a set that was chosen on rows looks better on them than
/// on others.
struct ChoiceSamples {
  std::vector<plan::Sample> search;    ///< monomials are ranked on these
  std::vector<plan::Sample> trial;     ///< sets of them tried on these
  std::vector<plan::Sample> held_out;  ///< and the set that is found on these
};

/// Sets of features on sampled rows, beside the heavy rows that are set. Not collective.
template <class T>
class SetTrials {
 public:
  /// `alone` is a communicator of this rank only. Both must outlive the trials.
  SetTrials(const Communicator& alone, const ChoiceSamples& samples, plan::Target target);

  void take_heavy(const plan::HeavyCounts& counts);

  /// The `limit` monomials that matter most for the light rows.
  [[nodiscard]] plan::FeatureRanking rank(std::int64_t limit) const;

  /// The set with its weights fitted to the rows that sets are tried on (see DegreeFit).
  [[nodiscard]] plan::Walk fitted(plan::Walk walk) const;

  /// The worst over the slices tried; in_double: of T = float computed in double.
  [[nodiscard]] double error(const plan::Walk& walk, bool in_double) const;

  /// The same on the rows held out, whose exact results are computed when they are first asked for. Those are the
  /// rows of the trial where operands are sampled whole.
  [[nodiscard]] double held_out_error(const plan::Walk& walk, bool in_double);

 private:
  [[nodiscard]] static double worst(const std::vector<Trial>& trials, const plan::Walk& walk, bool in_double);

  const Communicator& alone_;
  const ChoiceSamples& samples_;
  plan::Target target_;
  plan::HeavyCounts heavy_{};
  std::vector<plan::Sample> light_search_;
  std::vector<Trial> trials_, held_out_;
  bool held_out_current_ = false;  ///< do the rows held out know what is heavy?
};

}  // namespace tattn::polynomial
