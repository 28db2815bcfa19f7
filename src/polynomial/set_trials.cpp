#include "polynomial/set_trials.hpp"

#include <algorithm>
#include <type_traits>

#include "polynomial/degree_fit.hpp"

namespace tattn::polynomial {

template <class T>
SetTrials<T>::SetTrials(const Communicator& alone, const ChoiceSamples& samples, plan::Target target)
    : alone_(alone), samples_(samples), target_(target), light_search_(samples.search) {
  for (const plan::Sample& sample : samples.trial) trials_.emplace_back(alone, sample, target);
}

template <class T>
void SetTrials<T>::take_heavy(const plan::HeavyCounts& counts) {
  heavy_ = counts;
  light_search_.clear();
  for (const plan::Sample& sample : samples_.search) light_search_.push_back(plan::light_rows(sample, counts));
  for (Trial& trial : trials_) trial.take_heavy(counts);
  held_out_current_ = false;
}

template <class T>
plan::FeatureRanking SetTrials<T>::rank(std::int64_t limit) const {
  return plan::search_features(light_search_, {.limit = limit, .target = target_});
}

template <class T>
plan::Walk SetTrials<T>::fitted(plan::Walk walk) const {
  DegreeFit fit(walk.largest_degree());
  for (const Trial& trial : trials_) trial.add_equations(walk, fit);
  fit.apply(walk);
  return walk;
}

template <class T>
double SetTrials<T>::worst(const std::vector<Trial>& trials, const plan::Walk& walk, bool in_double) {
  double error = 0;
  if constexpr (std::is_same_v<T, float>)
    if (in_double) {
      for (const Trial& trial : trials) error = std::max(error, trial.error<double>(walk));
      return error;
    }
  for (const Trial& trial : trials) error = std::max(error, trial.error<T>(walk));
  return error;
}

template <class T>
double SetTrials<T>::error(const plan::Walk& walk, bool in_double) const {
  return worst(trials_, walk, in_double);
}

template <class T>
double SetTrials<T>::held_out_error(const plan::Walk& walk, bool in_double) {
  if (samples_.held_out == samples_.trial) return error(walk, in_double);
  if (held_out_.empty())
    for (const plan::Sample& sample : samples_.held_out) held_out_.emplace_back(alone_, sample, target_);
  if (!held_out_current_)
    for (Trial& trial : held_out_) trial.take_heavy(heavy_);
  held_out_current_ = true;
  return worst(held_out_, walk, in_double);
}

template class SetTrials<float>;
template class SetTrials<double>;

}  // namespace tattn::polynomial
