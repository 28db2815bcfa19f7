#include "polynomial/choose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "archive.hpp"
#include "comm/sampled_rows.hpp"
#include "plan/feature_ranking.hpp"
#include "plan/walk_archive.hpp"
#include "polynomial/row_sample.hpp"
#include "polynomial/trial.hpp"
#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kSlicesSampled = 2;
constexpr int kDegreeLimit = 40;

/// The part of the tolerance that a set must meet on the rows it is tried on. Gradients sum over the rows sampled,
/// so the errors of theirs vary more from sample to sample (docs/results.md).
double margin(plan::Target target) {
  return target == plan::Target::gradients ? 1.0 / 2 : 2.0 / 3;
}

constexpr SampleSizes kSearchSizes{8, 24, 16, 112};
constexpr std::array<SampleSizes, kMaxOrder> kTrialSizes = {  // by order: their exact results take a moment
    SampleSizes{8, 120, 32, 2016},
    {8, 56, 16, 240},
    {4, 28, 4, 60},
    {2, 14, 2, 22}};

constexpr std::array<SampleSizes, kMaxOrder> kCheckSizes = {  // of features in use: to be looked at often
    SampleSizes{8, 120, 16, 496},
    {8, 56, 8, 56},
    {4, 28, 4, 20},
    {2, 14, 2, 10}};

/// Samples of a few slices, on rank 0. Collective.
template <class T>
std::vector<plan::Sample> samples(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                  const plan::Balance& balance, const SampleSizes& sizes, std::uint64_t seed) {
  std::vector<plan::Sample> result;
  for (const std::int64_t slice : pick(problem.shape.slices, kSlicesSampled, seed, "slices"))
    result.push_back(sample_rows(comm, problem, operands, balance, slice, sizes, seed));
  return result;
}

const SampleSizes& of_order(const std::array<SampleSizes, kMaxOrder>& sizes, const Problem& problem) {
  return sizes[static_cast<std::size_t>(problem.shape.order - 1)];
}

/// The worst over the slices tried.
template <class U>
double worst_error(std::span<const Trial> trials, const plan::Walk& walk) {
  double worst = 0;
  for (const Trial& trial : trials) worst = std::max(worst, trial.error<U>(walk));
  return worst;
}

/// Rank 0's part of a choice: no communication in here.
template <class T>
class Chooser {
 public:
  Chooser(const FeatureRequest& request, std::int64_t dim, std::span<const plan::Sample> search,
          std::span<const Trial> trials, FeatureChoice& choice)
      : request_(request), dim_(dim), search_(search), trials_(trials), choice_(choice) {}

  void choose() {
    if (request_.degree)
      full_set(*request_.degree);
    else if (request_.certified)
      certified();
    else if (request_.features)
      fixed_count(*request_.features);
    else
      measured();
    if (!choice_.measured_error) choice_.measured_error = error_of(choice_.walk);
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(Status::failed,
                fmt::format("the polynomial method cannot do this: scores reach {:.3g} in magnitude, {}",
                            choice_.score_bound, why));
  }

  /// All monomials up to `degree`, with the certified polynomial where the range allows one.
  void full_set(int degree) {
    const auto count = plan::full_walk_size(dim_, degree);
    if (!count || *count > request_.most_features)
      refuse(fmt::format(
          "and degree {} at dim {} takes {} features, above the limit of {}: use --error measured, a larger "
          "tolerance, a smaller scale, or the exact method",
          degree, dim_, count ? std::to_string(*count) : "more than 2^63", request_.most_features));
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

  void certified() {
    const auto p = plan::smallest_degree(choice_.score_bound, plan::exp_error_for(request_.tolerance), kDegreeLimit,
                                         request_.target);
    if (!p)
      refuse(fmt::format(
          "and no polynomial of degree <= {} in double coefficients certifies {:.3g}: use --error measured, "
          "a larger tolerance, a smaller scale, or the exact method",
          kDegreeLimit, request_.tolerance));
    choice_.in_double = p->condition * std::numeric_limits<T>::epsilon() > request_.tolerance;
    if (const double rounding = p->condition * std::numeric_limits<double>::epsilon();
        rounding > request_.tolerance)
      refuse(fmt::format(
          "and rounding alone may amount to {:.1g} in float64: use a larger tolerance, a smaller scale, or the "
          "exact method",
          rounding));
    full_set(p->degree);
  }

  void fixed_count(std::int64_t count) {
    if (count > request_.most_features)
      refuse(fmt::format("and {} features are above the limit of {}", count, request_.most_features));
    choice_.walk = plan::keep(rank(count), count);
  }

  /// The smallest of the nested sets that the trial accepts: grown until one does, then bisected.
  void measured() {
    const double wanted = margin(request_.target) * request_.tolerance;
    const std::int64_t most = request_.most_features;
    std::vector<Tried> tried;
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t limit = std::min<std::int64_t>(500, most);;
         limit = std::min(next_limit(tried, wanted), most)) {
      const plan::FeatureRanking ranking = rank(limit);
      const plan::Walk all = plan::keep(ranking, limit);
      tried.push_back({limit, error_of(all)});
      best = std::min(best, tried.back().error);
      if (tried.back().error <= wanted) return bisect(ranking, wanted);
      if (rounding_is_all(all, tried.back().error, wanted)) {
        choice_.in_double = true;
        return bisect(ranking, wanted);
      }
      if (limit == most) break;
    }
    refuse(fmt::format(
        "and {} features leave an error of {:.2g} where {:.2g} is asked for: use a larger tolerance, a smaller "
        "scale, or the exact method",
        most, best, request_.tolerance));
  }

  struct Tried {
    std::int64_t features;
    double error;
  };

  /// Errors fall about as a power of the number of features: a little more than that power says, within 1.5 and 4
  /// times the last.
  [[nodiscard]] static std::int64_t next_limit(const std::vector<Tried>& tried, double wanted) {
    double factor = 4;
    if (tried.size() > 1) {
      const Tried &last = tried.back(), &before = tried[tried.size() - 2];
      const double power = std::log(before.error / last.error) /
                           std::log(static_cast<double>(last.features) / static_cast<double>(before.features));
      if (std::isfinite(power) && power > 0)
        factor = std::clamp(1.25 * std::pow(last.error / wanted, 1 / power), 1.5, 4.0);
    }
    return static_cast<std::int64_t>(factor * static_cast<double>(tried.back().features));
  }

  /// Would the set do in double, and is it rounding in T that spoils it?
  [[nodiscard]] bool rounding_is_all(const plan::Walk& walk, double error, double wanted) const {
    if constexpr (std::is_same_v<T, double>) return false;
    const double truncation = worst_error<double>(trials_, walk);
    return truncation <= wanted && truncation < error / 2;
  }

  void bisect(const plan::FeatureRanking& ranking, double wanted) {
    std::int64_t low = 0, high = ranking.features();
    while (high - low > std::max<std::int64_t>(1, high / 32)) {
      const std::int64_t middle = low + (high - low) / 2;
      (error_of(plan::keep(ranking, middle)) <= wanted ? high : low) = middle;
    }
    choice_.walk = plan::keep(ranking, high);
  }

  [[nodiscard]] double error_of(const plan::Walk& walk) const {
    if constexpr (std::is_same_v<T, float>)
      if (choice_.in_double) return worst_error<double>(trials_, walk);
    return worst_error<T>(trials_, walk);
  }

  [[nodiscard]] plan::FeatureRanking rank(std::int64_t limit) const {
    return plan::search_features(search_, {.limit = limit, .target = request_.target});
  }

  const FeatureRequest& request_;
  std::int64_t dim_;
  std::span<const plan::Sample> search_;
  std::span<const Trial> trials_;
  FeatureChoice& choice_;
};

}  // namespace

template <class T>
FeatureChoice choose_features(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                              const FeatureRequest& request) {
  FeatureChoice choice;
  const plan::Balance balance = balance_operands(comm, problem, operands);
  choice.score_bound = largest_score(comm, problem, operands, balance);
  const auto search = samples(comm, problem, operands, balance, kSearchSizes, 1);
  const auto other = samples(comm, problem, operands, balance, of_order(kTrialSizes, problem), 2);
  const Communicator alone(MPI_COMM_SELF);
  comm.agree([&] {
    if (comm.rank() != 0) return;
    std::vector<Trial> trials;
    for (const plan::Sample& sample : other) trials.emplace_back(alone, sample, request.target);
    Chooser<T>(request, problem.shape.dim, search, trials, choice).choose();
  });
  choice.walk = unpack<plan::Walk>(comm.broadcast(comm.rank() == 0 ? pack(choice.walk) : std::string()));
  // What rank 0 alone knows, to all; every figure is at least 0, and -1 stands for none.
  const auto tell = [&](auto& value) {
    constexpr double kNone = -1;
    const double told = comm.max(value ? static_cast<double>(*value) : kNone);
    if (told >= 0) value = static_cast<typename std::decay_t<decltype(value)>::value_type>(told);
  };
  choice.in_double = comm.max(std::int64_t{choice.in_double}) != 0;
  tell(choice.degree);
  tell(choice.certified_error);
  tell(choice.measured_error);
  return choice;
}

template <class T>
double measure_error(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                     const plan::Walk& walk, plan::Target target, bool in_double, std::uint64_t seed) {
  const plan::Balance balance = balance_operands(comm, problem, operands);
  const auto rows = samples(comm, problem, operands, balance, of_order(kCheckSizes, problem), seed);
  const Communicator alone(MPI_COMM_SELF);
  double error = 0;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    std::vector<Trial> trials;
    for (const plan::Sample& sample : rows) trials.emplace_back(alone, sample, target);
    error = in_double ? worst_error<double>(trials, walk) : worst_error<T>(trials, walk);
  });
  return comm.max(error);
}

Problem checked_problem(const Problem& problem) {
  const SampleSizes& sizes = of_order(kCheckSizes, problem);
  Problem checked = problem;
  checked.shape.slices = 1;
  checked.shape.rows = std::min(problem.shape.rows, sizes.largest_queries + sizes.random_queries);
  for (std::int64_t& rows : checked.shape.key_rows) rows = std::min(rows, sizes.largest_keys + sizes.random_keys);
  return checked;
}

template double measure_error(const Communicator&, const Problem&, const Operands<float>&, const plan::Walk&,
                              plan::Target, bool, std::uint64_t);
template double measure_error(const Communicator&, const Problem&, const Operands<double>&, const plan::Walk&,
                              plan::Target, bool, std::uint64_t);
template FeatureChoice choose_features(const Communicator&, const Problem&, const Operands<float>&,
                                       const FeatureRequest&);
template FeatureChoice choose_features(const Communicator&, const Problem&, const Operands<double>&,
                                       const FeatureRequest&);

}  // namespace tattn::polynomial
