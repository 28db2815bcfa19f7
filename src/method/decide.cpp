#include "method/decide.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "method/kernel_rates.hpp"
#include "method/machine_rates.hpp"
#include "method/predictor.hpp"
#include "plan/heavy_rows.hpp"
#include "plan/partition.hpp"
#include "polynomial/choose.hpp"
#include "tattn/error.hpp"

namespace tattn::method {

template <class T>
plan::Rates rates_for(const Communicator& comm, const Problem& problem, const Options& options,
                      const Setting& setting) {
  if (setting.rates) return *setting.rates;
  if (options.method == Method::dense) return {};
  // Heavy rows take the exact kernels beside the polynomial's; auto asks for those when it knows that they may pay.
  const bool both =
      options.method == Method::polynomial || (options.method == Method::automatic && setting.machine.has_value());
  const plan::Rates here = measure_rates<T>(comm, problem, both ? Method::automatic : Method::exact);
  if (!setting.machine) return here;
  return plan::on_machine(here, core_flops<T>(comm), *setting.machine, sizeof(T), setting.ranks, options.threads);
}

namespace {

// Where finding features takes more than this share of the exact method's seconds, a search that finds none would
// make a run noticeably slower.
constexpr double kShareOfExact = 0.2;

/// One decision: what its steps share.
template <class T>
class Decision {
 public:
  Decision(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
           const Setting& setting)
      : comm_(comm),
        problem_(problem),
        operands_(operands),
        options_(options),
        setting_(setting),
        predict_(problem, options, setting, sizeof(T)) {
    predict_.ranks = options.reproducible ? 1 : setting.ranks;
    predict_.rates =
        options.reproducible ? plan::nominal_rates(sizeof(T)) : rates_for<T>(comm, problem, options, setting);
  }

  Plan made() {
    plan_.reason = "asked for";
    if (options_.method == Method::dense) plan_.method = Method::dense;
    if (options_.method == Method::polynomial) fixed_polynomial();
    if (options_.method == Method::automatic) automatic();
    if (options_.reproducible) leave_nominal_machine();
    spread();
    plan_.forward = cost(plan::Pass::forward);
    if (setting_.gradients) plan_.gradient = cost(plan::Pass::gradient);
    return std::move(plan_);
  }

 private:
  /// Do the options leave nothing to the polynomial?
  [[nodiscard]] bool all_heavy() const {
    const auto heavy = fixed_heavy_rows();
    return heavy && !plan::has_tuples(plan::part_shape(problem_.shape, *heavy, plan::light_part()));
  }

  /// A reproducible plan is chosen as for one rank of a nominal machine; what it takes is predicted for this one.
  void leave_nominal_machine() {
    predict_.ranks = setting_.ranks;
    predict_.rates = rates_for<T>(comm_, problem_, options_, setting_);
    if (plan_.method == Method::polynomial) complete_rates();
    if (options_.method == Method::automatic) plan_.reason = "by nominal rates: " + plan_.reason;
    plan_.exact_seconds = plan_.polynomial_seconds = std::nullopt;
  }

  /// Of auto, which at first measures the exact method alone.
  void complete_rates() {
    if (options_.method == Method::automatic && !setting_.machine && !setting_.rates)
      add_polynomial_rates<T>(comm_, problem_, predict_.rates);
  }

  void fixed_polynomial() {
    if (all_heavy()) return because("all rows are heavy: nothing is left to the polynomial");
    take(choose(std::numeric_limits<double>::infinity()));
  }

  [[nodiscard]] std::optional<plan::HeavyCounts> fixed_heavy_rows() const {
    if (!options_.heavy_rows) return std::nullopt;
    plan::HeavyCounts counts{};
    std::copy(options_.heavy_rows->begin(), options_.heavy_rows->end(), counts.begin());
    return counts;
  }

  void automatic() {
    plan_.exact_seconds = predict_.exact_seconds();
    if (problem_.causal) return because("causal attention is exact in this version");
    if (all_heavy()) return because("all rows are heavy: nothing is left to the polynomial");
    const std::string too_short =
        fmt::format("it takes {:.2g} s, too little for finding features", *plan_.exact_seconds);
    if (predict_.first_searches() > kShareOfExact * *plan_.exact_seconds) return because(too_short);
    if (!options_.reproducible) complete_rates();
    const std::int64_t most = predict_.most_features({}, *plan_.exact_seconds);
    if (most < 1) return because(too_short);
    polynomial::FeatureChoice choice;
    try {
      choice = choose(*plan_.exact_seconds);
    } catch (const Error& error) {
      if (error.status() != Status::failed) throw;
      return because(
          fmt::format("no set of up to {} features was found that meets the tolerance and would be faster",
                      std::min(most, polynomial::kMostFeatures)));
    }
    if (!meets_tolerance(choice))
      return because(fmt::format("the {} features asked for do not meet the tolerance", choice.walk.features()));
    plan_.polynomial_seconds =
        predict_.split_seconds(choice.walk.features(), choice.heavy.counts, choice.in_double);
    if (*plan_.polynomial_seconds >= *plan_.exact_seconds)
      return because(fmt::format("{:.2g} s, where {} features would take {:.2g} s", *plan_.exact_seconds,
                                 choice.walk.features(), *plan_.polynomial_seconds));
    plan_.reason =
        fmt::format("{:.2g} s, where exact would take {:.2g} s", *plan_.polynomial_seconds, *plan_.exact_seconds);
    take(std::move(choice));
  }

  /// Sets whose size the options fix may not.
  [[nodiscard]] bool meets_tolerance(const polynomial::FeatureChoice& choice) const {
    const auto& error = options_.certified ? choice.certified_error : choice.measured_error;
    return error && *error <= options_.tolerance;
  }

  void because(const std::string& reason) { plan_.reason = reason; }

  [[nodiscard]] polynomial::FeatureChoice choose(double most_seconds) const {
    polynomial::FeatureRequest request;
    request.tolerance = options_.tolerance;
    request.certified = options_.certified;
    request.degree = options_.degree;
    request.features = options_.features;
    request.target = setting_.gradients ? plan::Target::gradients : plan::Target::output;
    request.heavy = fixed_heavy_rows();
    request.most_seconds = most_seconds;
    if (!request.degree && !request.features)
      request.costs = {
          [this](std::int64_t features, const plan::HeavyCounts& heavy, bool in_double) {
            return predict_.split_seconds(features, heavy, in_double);
          },
          [this](const plan::HeavyCounts& heavy, double below) { return predict_.most_features(heavy, below); },
          [this](std::int64_t features, const plan::HeavyCounts& heavy) {
            return predict_.search_seconds(features, heavy);
          }};
    return polynomial::choose_features<T>(comm_, problem_, operands_, request);
  }

  void take(polynomial::FeatureChoice choice) {
    plan_.method = Method::polynomial;
    plan_.features = choice.walk.features();
    plan_.degree = choice.degree;
    plan_.score_bound = choice.score_bound;
    plan_.measured_error = choice.measured_error;
    plan_.certified_error = choice.certified_error;
    plan_.in_double = choice.in_double;
    plan_.walk = std::make_shared<const plan::Walk>(std::move(choice.walk));
    if (!choice.heavy.any()) return;
    plan_.heavy_rows.assign(choice.heavy.counts.begin(), choice.heavy.counts.begin() + problem_.shape.order + 1);
    plan_.heavy = std::make_shared<const plan::HeavyRows>(std::move(choice.heavy));
  }

  /// Of the plan as it is.
  [[nodiscard]] Cost cost(plan::Pass pass) const {
    if (plan_.method == Method::exact) return predict_.exact(pass);
    if (plan_.method == Method::dense) return predict_.dense(pass);
    const plan::Grid grid{plan_.slice_groups, plan_.sequence_blocks, plan_.feature_groups};
    return predict_.split(pass, plan_.heavy ? plan_.heavy->counts : plan::HeavyCounts{}, grid,
                          plan::group_features(*plan_.walk, problem_.shape.value_dim, grid.features),
                          plan_.in_double);
  }

  /// Over the ranks.
  void spread() {
    if (plan_.method == Method::exact)
      for (const plan::WorkShare& share :
           plan::partition_exact(problem_, predict_.ranks, options_.reproducible).work)
        plan_.sequence_blocks += share.key_part == 0 && !share.queries.empty();
    if (plan_.method != Method::polynomial) return;
    const plan::Grid grid = predict_.grid_for(*plan_.features);
    plan_.slice_groups = grid.slices;
    plan_.sequence_blocks = grid.sequence;
    plan_.feature_groups = grid.features;
  }

  const Communicator& comm_;
  const Problem& problem_;
  const Operands<T>& operands_;
  const Options& options_;
  const Setting& setting_;
  Predictor predict_;
  Plan plan_;
};

}  // namespace

template <class T>
Plan decide(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
            const Setting& setting) {
  return Decision<T>(comm, problem, operands, options, setting).made();
}

template <class T>
Plan exact_instead(const Communicator& comm, const Problem& problem, const Operands<T>& operands, Options options,
                   const Setting& setting) {
  options.method = Method::exact;
  Plan plan = decide(comm, problem, operands, options, setting);
  plan.reason = "the polynomial that was chosen met a normaliser that is not positive";
  return plan;
}

#define TATTN_INSTANTIATE(T)                                                                                     \
  template plan::Rates rates_for<T>(const Communicator&, const Problem&, const Options&, const Setting&);        \
  template Plan decide(const Communicator&, const Problem&, const Operands<T>&, const Options&, const Setting&); \
  template Plan exact_instead(const Communicator&, const Problem&, const Operands<T>&, Options, const Setting&);
TATTN_INSTANTIATE(float)
TATTN_INSTANTIATE(double)
#undef TATTN_INSTANTIATE

}  // namespace tattn::method
