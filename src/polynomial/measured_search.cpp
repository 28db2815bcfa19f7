#include "polynomial/measured_search.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kFirstLimit = 512, kGrowth = 8;      // features
constexpr int kFailuresInARow = 2;                          // end a round
constexpr double kShareOfExact = 0.1, kShareOfFound = 0.5;  // of their seconds may be spent on searching
constexpr double kALittleMore = 1.25;                       // than errors so far call for
constexpr std::int64_t kNear = 4;                           // times the features that were tried
constexpr double kWorthNarrowing = 1.0 / 32;                // of the seconds
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The part of the tolerance that a set must meet on the rows it is tried on. Gradients sum over the rows sampled,
/// so the errors of theirs vary more from sample to sample (docs/results.md).
double margin(plan::Target target) {
  return target == plan::Target::gradients ? 1.0 / 2 : 2.0 / 3;
}

/// Errors fall about as a power of the number of features: the times more features that the last two failures call
/// for; infinite where they say nothing.
template <class Failures>
double growth_needed(const Failures& failed, double wanted) {
  if (failed.size() < 2) return kInfinity;
  const auto &last = failed.back(), &before = failed[failed.size() - 2];
  const double power = std::log(before.error / last.error) /
                       std::log(static_cast<double>(last.features) / static_cast<double>(before.features));
  return std::isfinite(power) && power > 0 ? std::pow(last.error / wanted, 1 / power) : kInfinity;
}

}  // namespace

template <class T>
MeasuredSearch<T>::MeasuredSearch(const FeatureRequest& request, std::span<const Candidate> candidates,
                                  SetTrials<T>& trials)
    : request_(request),
      candidates_(candidates),
      trials_(trials),
      wanted_(margin(request.target) * request.tolerance),
      attempts_(candidates.size()),
      best_error_(kInfinity) {}

template <class T>
std::optional<typename MeasuredSearch<T>::Found> MeasuredSearch<T>::run() {
  attempt(0, kFirstLimit);
  try_light();
  for (std::int64_t limit = kFirstLimit;; limit = std::min(next_limit(), kMostFeatures)) {
    round(limit);
    try_light();
    if (limit == kMostFeatures || !any_open()) return std::move(found_);
  }
}

/// From the most heavy rows to the fewest. Whether a set does is not monotone in the heavy rows (a normaliser of
/// few terms may be negative), but where several candidates in a row fail, still fewer heavy rows will too.
template <class T>
void MeasuredSearch<T>::round(std::int64_t limit) {
  int failures = 0;
  for (std::size_t k = candidates_.size(); k-- > 0;) {
    const Outcome outcome = attempt(k, limit);
    if (outcome == Outcome::failed) ++failures;
    if (outcome == Outcome::met) failures = 0;
    if (failures == kFailuresInARow && limit < kMostFeatures) return;
  }
}

/// Nothing heavy with as many features as its errors call for, where these take, searched and used, much less than
/// the best so far. Unless they are near, exact is only the best so far to the share of it that searching may take.
template <class T>
void MeasuredSearch<T>::try_light() {
  const std::int64_t light = called_for(attempts_[0]);
  if (light == 0) return;
  const bool near = light <= kNear * attempts_[0].tried;
  const double most = (near || found_ ? kShareOfFound : kShareOfExact) * least_seconds();
  const double search = request_.costs ? request_.costs->search(light, {}) : 0;
  if ((near || std::isfinite(most)) && spent_ + search + seconds(light, 0, false) <= most) attempt(0, light, true);
}

/// Features up to `limit` that a candidate is to be tried with, or 0; closes it where none can ever pay.
template <class T>
std::int64_t MeasuredSearch<T>::worth_trying(std::size_t candidate, std::int64_t limit, bool promised) {
  Attempt& own = attempts_[candidate];
  if (!own.open) return 0;
  const plan::HeavyCounts& heavy = candidates_[candidate].heavy;
  std::int64_t most = kMostFeatures;
  if (request_.costs) most = std::min(most, request_.costs->most_features(heavy, least_seconds()));
  own.open = most > own.tried;
  const std::int64_t features = std::min(limit, most);
  if (!own.open || features <= own.tried) return 0;
  if (!request_.costs) return features;
  const double takes = request_.costs->search(features, heavy);
  own.open = promised || spent_ + takes <= budget(limit);
  if (!own.open) return 0;
  spent_ += takes;
  return features;
}

/// Predicted seconds that all searching may take. Who asks for heavy rows at all has agreed to the first searches.
template <class T>
double MeasuredSearch<T>::budget(std::int64_t limit) const {
  if (found_) return kShareOfFound * found_->seconds;
  return limit == kFirstLimit ? kInfinity : kShareOfExact * request_.most_seconds;
}

template <class T>
typename MeasuredSearch<T>::Outcome MeasuredSearch<T>::attempt(std::size_t candidate, std::int64_t limit,
                                                               bool promised) {
  const std::int64_t most = worth_trying(candidate, limit, promised);
  if (most == 0) return Outcome::skipped;
  Attempt& own = attempts_[candidate];
  const std::int64_t known = std::exchange(own.tried, most);
  trials_.take_heavy(candidates_[candidate].heavy);
  const plan::FeatureRanking ranking = trials_.rank(most);
  Bracket found = bracket(ranking, known, most, own.failed);
  if (found.enough > 0) {
    narrow(ranking, candidate, found);
    confirm(ranking, most, found);
  }
  if (found.enough == 0) return Outcome::failed;
  own.open = false;
  const double takes = seconds(found.enough, candidate, found.in_double);
  if (takes < least_seconds())
    found_ = Found{candidate, std::move(found.walk), found.in_double, found.error, takes};
  return Outcome::met;
}

/// Tries nested sets of more and more features up to `most`. Small ones too: where scores are large, which counts
/// for little beside heavy rows, a longer series is off by more before it is off by less.
template <class T>
typename MeasuredSearch<T>::Bracket MeasuredSearch<T>::bracket(const plan::FeatureRanking& ranking,
                                                               std::int64_t known, std::int64_t most,
                                                               std::vector<Failed>& failed) {
  Bracket found{known, 0, false, kInfinity, {}};
  for (std::int64_t next = known == 0 ? 1 : most;; next = std::min(kGrowth * next, most)) {
    found.walk = trials_.fitted(plan::keep(ranking, next));
    const double error = found.error = trials_.error(found.walk, false);
    best_error_ = std::min(best_error_, error);
    if (next == most && error > wanted_ && !std::is_same_v<T, double>) {
      found.error = trials_.error(found.walk, true);
      found.in_double = found.error <= wanted_ && found.error < error / 2;  // rounding in T is what spoils it
    }
    if (found.error <= wanted_) {
      found.enough = next;
      return found;
    }
    found.too_few = next;
    if (std::isfinite(error)) failed.push_back({next, error});
    if (next == most) return found;
  }
}

/// To the smallest of the nested sets that does, as far as that saves time.
template <class T>
void MeasuredSearch<T>::narrow(const plan::FeatureRanking& ranking, std::size_t candidate, Bracket& found) const {
  const auto takes = [&](std::int64_t features) { return seconds(features, candidate, found.in_double); };
  while (found.enough - found.too_few > 1 &&
         takes(found.enough) - takes(found.too_few) > kWorthNarrowing * takes(found.enough)) {
    const std::int64_t middle = found.too_few + (found.enough - found.too_few) / 2;
    plan::Walk walk = trials_.fitted(plan::keep(ranking, middle));
    const double error = trials_.error(walk, found.in_double);
    (error <= wanted_ ? found.enough : found.too_few) = middle;
    if (error > wanted_) continue;
    found.error = error;
    found.walk = std::move(walk);
  }
}

/// Adds features until the set also does on the rows held out.
template <class T>
void MeasuredSearch<T>::confirm(const plan::FeatureRanking& ranking, std::int64_t most, Bracket& found) {
  for (;;) {
    found.error = std::max(found.error, trials_.held_out_error(found.walk, found.in_double));
    if (found.error <= wanted_) return;
    if (found.enough == most) break;
    found.enough = std::min(most, found.enough + (found.enough + 3) / 4);
    found.walk = trials_.fitted(plan::keep(ranking, found.enough));
    found.error = trials_.error(found.walk, found.in_double);
  }
  best_error_ = std::min(best_error_, found.error);
  found.enough = 0;
}

/// A little more than is called for, within 1.5 and 4 times the last, of the candidate that is looked at first.
template <class T>
std::int64_t MeasuredSearch<T>::next_limit() const {
  const auto first = std::find_if(attempts_.rbegin(), attempts_.rend(),
                                  [](const Attempt& one) { return one.open && one.tried > 0; });
  if (first == attempts_.rend()) return kMostFeatures;
  const double factor = std::clamp(kALittleMore * growth_needed(first->failed, wanted_), 1.5, 4.0);
  return static_cast<std::int64_t>(factor * static_cast<double>(first->tried));
}

/// Features that the failures call for, and a little more; 0 where they say nothing or call for too many.
template <class T>
std::int64_t MeasuredSearch<T>::called_for(const Attempt& attempt) const {
  if (!attempt.open || attempt.failed.empty()) return 0;
  const double features =
      kALittleMore * growth_needed(attempt.failed, wanted_) * static_cast<double>(attempt.failed.back().features);
  return features <= static_cast<double>(kMostFeatures) ? static_cast<std::int64_t>(features) : 0;
}

template <class T>
bool MeasuredSearch<T>::any_open() const {
  return std::any_of(attempts_.begin(), attempts_.end(), [](const Attempt& one) { return one.open; });
}

/// Without costs, features are what counts.
template <class T>
double MeasuredSearch<T>::seconds(std::int64_t features, std::size_t candidate, bool in_double) const {
  return request_.costs ? request_.costs->seconds(features, candidates_[candidate].heavy, in_double)
                        : static_cast<double>(features);
}

template class MeasuredSearch<float>;
template class MeasuredSearch<double>;

}  // namespace tattn::polynomial
