#include "method/decide.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "method/kernel_rates.hpp"
#include "method/machine_rates.hpp"
#include "plan/flops.hpp"
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
constexpr double kShareOfExact = 0.2, kRatesSeconds = 0.02;

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
        ranks_(options.reproducible ? 1 : setting.ranks),
        rates_(options.reproducible ? plan::nominal_rates(kBytes) : rates_for<T>(comm, problem, options, setting)) {
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
    ranks_ = setting_.ranks;
    rates_ = rates_for<T>(comm_, problem_, options_, setting_);
    if (plan_.method == Method::polynomial) complete_rates();
    if (options_.method == Method::automatic) plan_.reason = "by nominal rates: " + plan_.reason;
    plan_.exact_seconds = plan_.polynomial_seconds = std::nullopt;
  }

  /// Of auto, which at first measures the exact method alone.
  void complete_rates() {
    if (options_.method == Method::automatic && !setting_.machine && !setting_.rates)
      add_polynomial_rates<T>(comm_, problem_, rates_);
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
    plan_.exact_seconds = seconds([&](plan::Pass pass) { return exact_cost(pass); });
    if (problem_.causal) return because("causal attention is exact in this version");
    if (all_heavy()) return because("all rows are heavy: nothing is left to the polynomial");
    const std::string too_short =
        fmt::format("it takes {:.2g} s, too little for finding features", *plan_.exact_seconds);
    if (first_searches() > kShareOfExact * *plan_.exact_seconds) return because(too_short);
    if (!options_.reproducible) complete_rates();
    const std::int64_t most = most_features({}, *plan_.exact_seconds);
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
    plan_.polynomial_seconds = split_seconds(choice.walk.features(), choice.heavy.counts, choice.in_double);
    if (*plan_.polynomial_seconds >= *plan_.exact_seconds)
      return because(fmt::format("{:.2g} s, where {} features would take {:.2g} s", *plan_.exact_seconds,
                                 choice.walk.features(), *plan_.polynomial_seconds));
    plan_.reason =
        fmt::format("{:.2g} s, where exact would take {:.2g} s", *plan_.polynomial_seconds, *plan_.exact_seconds);
    take(std::move(choice));
  }

  /// Seconds a run that are spent before anything is found at all: rates, samples, and small sets for nothing heavy
  /// and for many heavy rows.
  [[nodiscard]] double first_searches() const {
    constexpr std::int64_t kFeatures = 512;
    return (kRatesSeconds + plan::predict_samples(problem_, setting_.gradients, rates_) +
            plan::predict_attempt(problem_, setting_.gradients, kFeatures, false, rates_) +
            plan::predict_attempt(problem_, setting_.gradients, kFeatures, true, rates_)) /
           static_cast<double>(setting_.runs);
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
      request.costs = {[this](std::int64_t features, const plan::HeavyCounts& heavy, bool in_double) {
                         return split_seconds(features, heavy, in_double);
                       },
                       [this](const plan::HeavyCounts& heavy, double below) { return most_features(heavy, below); },
                       [this](std::int64_t features, const plan::HeavyCounts& heavy) {
                         return search_seconds(features, heavy);
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

  /// Of all that is asked for, when a pass takes of(pass).
  template <class Of>
  [[nodiscard]] double seconds(const Of& of) const {
    return *of(plan::Pass::forward).seconds + (setting_.gradients ? *of(plan::Pass::gradient).seconds : 0);
  }

  [[nodiscard]] Cost exact_cost(plan::Pass pass) const {
    return plan::predict_exact(problem_, pass, kBytes, ranks_, options_.threads, rates_);
  }

  [[nodiscard]] Problem part(const plan::HeavyCounts& heavy, const plan::TuplePart& tuples) const {
    Problem part = problem_;
    part.shape = plan::part_shape(problem_.shape, heavy, tuples);
    return part;
  }

  /// Heavy rows by the exact method, the light ones by the polynomial. in_double: float passes of the latter on
  /// copies in double.
  [[nodiscard]] Cost split_cost(plan::Pass pass, const plan::HeavyCounts& heavy, const plan::Grid& grid,
                                const std::vector<std::int64_t>& features, bool in_double) const {
    const int bytes = in_double ? int{sizeof(double)} : kBytes;
    Cost cost = plan::predict_polynomial(part(heavy, plan::light_part()), pass, bytes, grid, features,
                                         options_.threads, rates_);
    if (in_double) *cost.seconds *= plan::kDoubleCost;
    for (const plan::TuplePart& tuples : plan::exact_parts(problem_.shape, heavy)) {
      const Cost exact = plan::predict_exact(part(heavy, tuples), pass, kBytes, ranks_, options_.threads, rates_);
      *cost.seconds += *exact.seconds;
      *cost.flops += *exact.flops;
      *cost.bytes_communicated += *exact.bytes_communicated;
    }
    if (heavy != plan::HeavyCounts{})
      cost.bytes_memory = plan::split_memory_bytes(problem_, pass, kBytes, bytes, ranks_, options_.threads,
                                                   *std::max_element(features.begin(), features.end()), heavy);
    return cost;
  }

  /// Flops and memory: nothing is known of ScaLAPACK's rate here.
  [[nodiscard]] Cost dense_cost(plan::Pass pass) const {
    Cost cost;
    cost.flops =
        pass == plan::Pass::forward ? plan::dense_forward_flops(problem_) : plan::dense_gradient_flops(problem_);
    cost.bytes_memory = plan::dense_memory_bytes(problem_, pass, kBytes, ranks_);
    return cost;
  }

  /// Of the plan as it is.
  [[nodiscard]] Cost cost(plan::Pass pass) const {
    if (plan_.method == Method::exact) return exact_cost(pass);
    if (plan_.method == Method::dense) return dense_cost(pass);
    const plan::Grid grid{plan_.slice_groups, plan_.sequence_blocks, plan_.feature_groups};
    return split_cost(pass, plan_.heavy ? plan_.heavy->counts : plan::HeavyCounts{}, grid,
                      plan::group_features(*plan_.walk, problem_.shape.value_dim, grid.features), plan_.in_double);
  }

  /// Over the ranks.
  void spread() {
    if (plan_.method == Method::exact)
      for (const plan::WorkShare& share : plan::partition_exact(problem_, ranks_, options_.reproducible).work)
        plan_.sequence_blocks += share.key_part == 0 && !share.queries.empty();
    if (plan_.method != Method::polynomial) return;
    const plan::Grid grid = grid_for(*plan_.features);
    plan_.slice_groups = grid.slices;
    plan_.sequence_blocks = grid.sequence;
    plan_.feature_groups = grid.features;
  }

  [[nodiscard]] double split_seconds(std::int64_t features, const plan::HeavyCounts& heavy, bool in_double) const {
    const plan::Grid grid = grid_for(features);
    const auto groups = plan::even_groups(features, grid.features);
    return seconds([&](plan::Pass pass) { return split_cost(pass, heavy, grid, groups, in_double); });
  }

  /// Of one search, a run.
  [[nodiscard]] double search_seconds(std::int64_t features, const plan::HeavyCounts& heavy) const {
    return plan::predict_attempt(problem_, setting_.gradients, features, heavy != plan::HeavyCounts{}, rates_) /
           static_cast<double>(setting_.runs);
  }

  /// The largest set that beside these heavy rows takes less than `below` seconds, the search for it included; 0
  /// where none does.
  [[nodiscard]] std::int64_t most_features(const plan::HeavyCounts& heavy, double below) const {
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

  [[nodiscard]] plan::Grid grid_for(std::int64_t features) const {
    if (options_.reproducible)
      return setting_.grid && ranks_ == setting_.ranks ? *setting_.grid
                                                       : plan::default_grid(problem_.shape, ranks_);
    return setting_.grid.value_or(
        plan::choose_grid(problem_, setting_.gradients, kBytes, features, ranks_, options_.threads, rates_));
  }

  static constexpr int kBytes = sizeof(T);
  const Communicator& comm_;
  const Problem& problem_;
  const Operands<T>& operands_;
  const Options& options_;
  const Setting& setting_;
  int ranks_;  ///< that costs are of
  plan::Rates rates_;
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
