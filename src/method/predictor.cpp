#include "method/predictor.hpp"

#include <algorithm>

#include "plan/flops.hpp"
#include "polynomial/choose.hpp"

namespace tattn::method {
namespace {

constexpr double kRatesSeconds = 0.02;  // of measuring them

}  // namespace

Predictor::Predictor(const Problem& problem, const Options& options, const Setting& setting, int element_bytes)
    : problem_(problem), options_(options), setting_(setting), bytes_(element_bytes) {}

template <class Of>
double Predictor::seconds(const Of& of) const {
  return *of(plan::Pass::forward).seconds + (setting_.gradients ? *of(plan::Pass::gradient).seconds : 0);
}

Problem Predictor::part(const plan::HeavyCounts& heavy, const plan::TuplePart& tuples) const {
  Problem part = problem_;
  part.shape = plan::part_shape(problem_.shape, heavy, tuples);
  return part;
}

Cost Predictor::exact(plan::Pass pass) const {
  return plan::predict_exact(problem_, pass, bytes_, ranks, options_.threads, rates);
}

Cost Predictor::dense(plan::Pass pass) const {
  Cost cost;
  cost.flops =
      pass == plan::Pass::forward ? plan::dense_forward_flops(problem_) : plan::dense_gradient_flops(problem_);
  cost.bytes_memory = plan::dense_memory_bytes(problem_, pass, bytes_, ranks);
  return cost;
}

Cost Predictor::split(plan::Pass pass, const plan::HeavyCounts& heavy, const plan::Grid& grid,
                      const std::vector<std::int64_t>& features, bool in_double) const {
  const int bytes = in_double ? int{sizeof(double)} : bytes_;
  Cost cost = plan::predict_polynomial(part(heavy, plan::light_part()), pass, bytes, grid, features,
                                       options_.threads, rates);
  if (in_double) *cost.seconds *= plan::kDoubleCost;
  for (const plan::TuplePart& tuples : plan::exact_parts(problem_.shape, heavy)) {
    const Cost exact = plan::predict_exact(part(heavy, tuples), pass, bytes_, ranks, options_.threads, rates);
    *cost.seconds += *exact.seconds;
    *cost.flops += *exact.flops;
    *cost.bytes_communicated += *exact.bytes_communicated;
  }
  if (heavy != plan::HeavyCounts{})
    cost.bytes_memory = plan::split_memory_bytes(problem_, pass, bytes_, bytes, ranks, options_.threads,
                                                 *std::max_element(features.begin(), features.end()), heavy);
  return cost;
}

double Predictor::exact_seconds() const {
  return seconds([&](plan::Pass pass) { return exact(pass); });
}

double Predictor::split_seconds(std::int64_t features, const plan::HeavyCounts& heavy, bool in_double) const {
  const plan::Grid grid = grid_for(features);
  const auto groups = plan::even_groups(features, grid.features);
  return seconds([&](plan::Pass pass) { return split(pass, heavy, grid, groups, in_double); });
}

double Predictor::search_seconds(std::int64_t features, const plan::HeavyCounts& heavy) const {
  return plan::predict_attempt(problem_, setting_.gradients, features, heavy != plan::HeavyCounts{}, rates) /
         static_cast<double>(setting_.runs);
}

double Predictor::first_searches() const {
  constexpr std::int64_t kFeatures = 512;
  return (kRatesSeconds + plan::predict_samples(problem_, setting_.gradients, rates) +
          plan::predict_attempt(problem_, setting_.gradients, kFeatures, false, rates) +
          plan::predict_attempt(problem_, setting_.gradients, kFeatures, true, rates)) /
         static_cast<double>(setting_.runs);
}

std::int64_t Predictor::most_features(const plan::HeavyCounts& heavy, double below) const {
  const auto pays = [&](std::int64_t features) {
    return split_seconds(features, heavy, false) + search_seconds(features, heavy) < below;
  };
  std::int64_t low = 0, high = polynomial::kMostFeatures + 1;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (pays(middle) ? low : high) = middle;
  }
  return low;
}

plan::Grid Predictor::grid_for(std::int64_t features) const {
  if (options_.reproducible)
    return setting_.grid && ranks == setting_.ranks ? *setting_.grid : plan::default_grid(problem_.shape, ranks);
  return setting_.grid.value_or(
      plan::choose_grid(problem_, setting_.gradients, bytes_, features, ranks, options_.threads, rates));
}

}  // namespace tattn::method
