#include "polynomial/chooser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan/feature_ranking.hpp"
#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

constexpr int kDegreeLimit = 40;
constexpr std::int64_t kFirstLimit = 512, kGrowth = 8;  // features
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The part of the tolerance that a set must meet on the rows it is tried on. Gradients sum over the rows sampled,
/// so the errors of theirs vary more from sample to sample (docs/results.md).
double margin(plan::Target target) {
  return target == plan::Target::gradients ? 1.0 / 2 : 2.0 / 3;
}

}  // namespace

template <class T>
Chooser<T>::Chooser(const FeatureRequest& request, std::int64_t dim, std::span<const plan::Sample> search,
                    std::span<Trial> trials, std::span<const Candidate> candidates, FeatureChoice& choice)
    : request_(request),
      dim_(dim),
      search_(search),
      trials_(trials),
      candidates_(candidates),
      choice_(choice),
      wanted_(margin(request.target) * request.tolerance),
      attempts_(candidates.size()),
      least_seconds_(request.most_seconds),
      best_error_(kInfinity) {}

template <class T>
std::size_t Chooser<T>::choose() {
  use(0);
  if (request_.degree)
    full_set(*request_.degree);
  else if (request_.certified)
    certified();
  else if (request_.features)
    fixed_count(*request_.features);
  else
    measured();
  if (!choice_.measured_error) choice_.measured_error = error_of(choice_.walk);
  return chosen_;
}

template <class T>
void Chooser<T>::refuse(const std::string& why) const {
  throw Error(Status::failed,
              fmt::format("the polynomial method cannot do this: scores reach {:.3g} in magnitude, {}",
                          candidates_[0].score_bound, why));
}

template <class T>
void Chooser<T>::refuse_size(int degree, const std::optional<std::int64_t>& count) const {
  refuse(fmt::format(
      "and degree {} at dim {} takes {} features, above the limit of {}: use --error measured, a larger "
      "tolerance, a smaller scale, or the exact method",
      degree, dim_, count ? std::to_string(*count) : "more than 2^63", kMostFeatures));
}

template <class T>
void Chooser<T>::use(std::size_t candidate) {
  const plan::HeavyCounts& heavy = candidates_[candidate].heavy;
  light_search_.clear();
  for (const plan::Sample& sample : search_) light_search_.push_back(plan::light_rows(sample, heavy));
  for (Trial& trial : trials_) trial.take_heavy(heavy);
  in_double_ = false;
  current_ = candidate;
  choice_.score_bound = candidates_[candidate].score_bound;
}

/// All monomials up to `degree`, with the certified polynomial where the range allows one.
template <class T>
void Chooser<T>::full_set(int degree) {
  const auto count = plan::full_walk_size(dim_, degree);
  if (!count || *count > kMostFeatures) refuse_size(degree, count);
  choice_.walk = plan::full_walk(dim_, degree);
  choice_.degree = degree;
  if (choice_.score_bound > plan::kLargestRange) return;  // the series' own weights, measured only
  const plan::ExpPolynomial p = plan::relative_minimax_exp(choice_.score_bound, degree, request_.target);
  const double error = plan::softmax_weight_error(request_.target == plan::Target::gradients
                                                      ? std::max(p.certified_error, p.certified_slope_error)
                                                      : p.certified_error);
  if (!std::isfinite(error)) return;
  plan::set_weights(choice_.walk, p);
  choice_.certified_error = error;
}

template <class T>
std::optional<plan::ExpPolynomial> Chooser<T>::certifying(double score_bound) const {
  return plan::smallest_degree(score_bound, plan::exp_error_for(request_.tolerance), kDegreeLimit, request_.target);
}

/// The candidate whose full set takes least.
template <class T>
void Chooser<T>::certified() {
  int degree = 0;
  bool in_double = false;
  for (std::size_t k = 0; k < candidates_.size(); ++k) {
    const auto p = certifying(candidates_[k].score_bound);
    if (!p || p->condition * std::numeric_limits<double>::epsilon() > request_.tolerance) continue;
    const auto count = plan::full_walk_size(dim_, p->degree);
    if (!count || *count > kMostFeatures) continue;
    const bool needs_double = p->condition * std::numeric_limits<T>::epsilon() > request_.tolerance;
    const double takes = seconds(*count, k, needs_double);
    if (takes >= least_seconds_) continue;
    least_seconds_ = takes;
    degree = p->degree;
    in_double = needs_double;
    chosen_ = k;
    found_ = true;
  }
  if (!found_) refuse_certified();
  use(chosen_);
  in_double_ = choice_.in_double = in_double;
  full_set(degree);
}

template <class T>
void Chooser<T>::refuse_certified() const {
  const auto p = certifying(candidates_[0].score_bound);
  if (!p)
    refuse(
        fmt::format("and no polynomial of degree <= {} in double coefficients certifies {:.3g}: use --error "
                    "measured, a larger tolerance, a smaller scale, or the exact method",
                    kDegreeLimit, request_.tolerance));
  if (const double rounding = p->condition * std::numeric_limits<double>::epsilon(); rounding > request_.tolerance)
    refuse(
        fmt::format("and rounding alone may amount to {:.1g} in float64: use a larger tolerance, a smaller scale, "
                    "or the exact method",
                    rounding));
  refuse_size(p->degree, plan::full_walk_size(dim_, p->degree));
}

template <class T>
void Chooser<T>::fixed_count(std::int64_t count) {
  if (count > kMostFeatures) refuse(fmt::format("and {} features are above the limit of {}", count, kMostFeatures));
  choice_.walk = plan::keep(rank(count), count);
}

/// Small searches first, for all candidates; larger ones where they may pay. Nothing heavy comes first, as that is
/// often enough; then the most heavy rows, and where these do not do with so many features fewer do not either.
template <class T>
void Chooser<T>::measured() {
  for (std::int64_t limit = kFirstLimit;; limit = std::min(next_limit(), kMostFeatures)) {
    if (limit == kFirstLimit) attempt(0, limit);
    for (std::size_t k = candidates_.size(); k-- > 0;)
      if (!attempt(k, limit)) break;
    const bool open = std::any_of(attempts_.begin(), attempts_.end(), [](const Attempt& one) { return one.open; });
    if (!open || limit == kMostFeatures) break;
  }
  if (!found_)
    refuse(
        fmt::format("and {} features leave an error of {:.2g} where {:.2g} is asked for: use a larger tolerance, a "
                    "smaller scale, or the exact method",
                    kMostFeatures, best_error_, request_.tolerance));
  use(chosen_);
  in_double_ = choice_.in_double;
}

/// Does a candidate do with up to `limit` features? Also true where it would take more than what is found already.
template <class T>
bool Chooser<T>::attempt(std::size_t candidate, std::int64_t limit) {
  Attempt& own = attempts_[candidate];
  const std::int64_t most = own.open ? most_features(candidate) : 0;
  own.open = most > own.tried;
  if (!own.open) return most < limit;
  if (std::min(limit, most) <= own.tried) return false;
  const std::int64_t known = std::exchange(own.tried, std::min(limit, most));
  use(candidate);
  const plan::FeatureRanking ranking = rank(own.tried);
  const Bracket found = bracket(ranking, known, own.tried);
  if (found.enough == 0) {
    own.failed.push_back({own.tried, found.error});
    return own.tried < limit;
  }
  own.open = false;
  accept(ranking, found);
  return true;
}

/// Errors fall about as a power of the number of features: a little more than that power says, within 1.5 and 4
/// times the last. Of the candidate that is looked at first.
template <class T>
std::int64_t Chooser<T>::next_limit() const {
  const auto first = std::find_if(attempts_.rbegin(), attempts_.rend(),
                                  [](const Attempt& one) { return one.open && !one.failed.empty(); });
  if (first == attempts_.rend()) return kMostFeatures;
  const std::vector<Failed>& failed = first->failed;
  double factor = 4;
  if (failed.size() > 1) {
    const Failed &last = failed.back(), &before = failed[failed.size() - 2];
    const double power = std::log(before.error / last.error) /
                         std::log(static_cast<double>(last.features) / static_cast<double>(before.features));
    if (std::isfinite(power) && power > 0)
      factor = std::clamp(1.25 * std::pow(last.error / wanted_, 1 / power), 1.5, 4.0);
  }
  return static_cast<std::int64_t>(factor * static_cast<double>(failed.back().features));
}

/// Tries nested sets of more and more features up to `most`. Small ones too: where scores are large, which counts
/// for little beside heavy rows, a longer series is off by more before it is off by less.
template <class T>
typename Chooser<T>::Bracket Chooser<T>::bracket(const plan::FeatureRanking& ranking, std::int64_t known,
                                                 std::int64_t most) {
  Bracket found{known, 0, kInfinity};
  for (std::int64_t next = known == 0 ? 1 : most;; next = std::min(kGrowth * next, most)) {
    const plan::Walk set = plan::keep(ranking, next);
    found.error = error_of(set);
    best_error_ = std::min(best_error_, found.error);
    in_double_ = next == most && found.error > wanted_ && rounding_is_all(set, found.error);
    if (found.error <= wanted_ || in_double_) {
      found.enough = next;
      return found;
    }
    found.too_few = next;
    if (next == most) return found;
  }
}

/// The smallest of the nested sets that does, if it takes less than what was found before.
template <class T>
void Chooser<T>::accept(const plan::FeatureRanking& ranking, const Bracket& found) {
  const std::int64_t features = smallest_set(ranking, found);
  const double takes = seconds(features, current_, in_double_);
  if (takes >= least_seconds_) return;
  least_seconds_ = takes;
  chosen_ = current_;
  found_ = true;
  choice_.in_double = in_double_;
  choice_.walk = plan::keep(ranking, features);
}

template <class T>
std::int64_t Chooser<T>::smallest_set(const plan::FeatureRanking& ranking, const Bracket& found) const {
  std::int64_t low = found.too_few, high = found.enough;
  while (high - low > std::max<std::int64_t>(1, high / 32)) {
    const std::int64_t middle = low + (high - low) / 2;
    (error_of(plan::keep(ranking, middle)) <= wanted_ ? high : low) = middle;
  }
  return high;
}

/// Would the set do in double, and is it rounding in T that spoils it?
template <class T>
bool Chooser<T>::rounding_is_all(const plan::Walk& walk, double error) const {
  if constexpr (std::is_same_v<T, double>) return false;
  const double truncation = error_in<double>(walk);
  return truncation <= wanted_ && truncation < error / 2;
}

template <class T>
std::int64_t Chooser<T>::most_features(std::size_t candidate) const {
  if (!request_.costs) return kMostFeatures;
  return std::min(kMostFeatures, request_.costs->most_features(candidates_[candidate].heavy, least_seconds_));
}

template <class T>
double Chooser<T>::seconds(std::int64_t features, std::size_t candidate, bool in_double) const {
  return request_.costs ? request_.costs->seconds(features, candidates_[candidate].heavy, in_double) : 0;
}

/// The worst over the slices tried.
template <class T>
template <class U>
double Chooser<T>::error_in(const plan::Walk& walk) const {
  double worst = 0;
  for (const Trial& trial : trials_) worst = std::max(worst, trial.error<U>(walk));
  return worst;
}

template <class T>
double Chooser<T>::error_of(const plan::Walk& walk) const {
  if constexpr (std::is_same_v<T, float>)
    if (in_double_) return error_in<double>(walk);
  return error_in<T>(walk);
}

template <class T>
plan::FeatureRanking Chooser<T>::rank(std::int64_t limit) const {
  return plan::search_features(light_search_, {.limit = limit, .target = request_.target});
}

template class Chooser<float>;
template class Chooser<double>;

}  // namespace tattn::polynomial
