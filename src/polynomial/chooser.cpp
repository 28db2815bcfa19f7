#include "polynomial/chooser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

constexpr int kDegreeLimit = 40;

}  // namespace

template <class T>
Chooser<T>::Chooser(const FeatureRequest& request, std::int64_t dim, SetTrials<T>& trials,
                    std::span<const Candidate> candidates, FeatureChoice& choice)
    : request_(request), dim_(dim), trials_(trials), candidates_(candidates), choice_(choice) {}

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
  if (!choice_.measured_error) choice_.measured_error = trials_.error(choice_.walk, choice_.in_double);
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
  trials_.take_heavy(candidates_[candidate].heavy);
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

template <class T>
std::optional<typename Chooser<T>::Certified> Chooser<T>::certify(std::size_t candidate) const {
  const auto p = certifying(candidates_[candidate].score_bound);
  if (!p || p->condition * std::numeric_limits<double>::epsilon() > request_.tolerance) return std::nullopt;
  const auto count = plan::full_walk_size(dim_, p->degree);
  if (!count || *count > kMostFeatures) return std::nullopt;
  const bool in_double = p->condition * std::numeric_limits<T>::epsilon() > request_.tolerance;
  const double seconds =
      request_.costs ? request_.costs->seconds(*count, candidates_[candidate].heavy, in_double) : 0;
  return Certified{candidate, p->degree, in_double, seconds};
}

/// The candidate whose full set takes least.
template <class T>
void Chooser<T>::certified() {
  std::optional<Certified> best;
  for (std::size_t k = 0; k < candidates_.size(); ++k) {
    const auto one = certify(k);
    if (one && one->seconds < (best ? best->seconds : request_.most_seconds)) best = one;
  }
  if (!best) refuse_certified();
  chosen_ = best->candidate;
  use(chosen_);
  choice_.in_double = best->in_double;
  full_set(best->degree);
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
  choice_.walk = trials_.fitted(plan::keep(trials_.rank(count), count));
  choice_.measured_error =
      std::max(trials_.error(choice_.walk, false), trials_.held_out_error(choice_.walk, false));
}

template <class T>
void Chooser<T>::measured() {
  MeasuredSearch<T> search(request_, candidates_, trials_);
  auto found = search.run();
  if (!found)
    refuse(
        fmt::format("and {} features leave an error of {:.2g} on sampled rows, where a tolerance of {:.2g} needs "
                    "{:.2g}: use a larger tolerance, a smaller scale, or the exact method",
                    kMostFeatures, search.best_error(), request_.tolerance, search.wanted()));
  chosen_ = found->candidate;
  choice_.walk = std::move(found->walk);
  choice_.in_double = found->in_double;
  choice_.measured_error = found->error;
}

template class Chooser<float>;
template class Chooser<double>;

}  // namespace tattn::polynomial
