#include "polynomial/choose.hpp"

#include <algorithm>
#include <type_traits>

#include "archive.hpp"
#include "comm/sampled_rows.hpp"
#include "plan/sample_sizes.hpp"
#include "plan/walk_archive.hpp"
#include "polynomial/chooser.hpp"
#include "polynomial/heavy_candidates.hpp"
#include "polynomial/row_sample.hpp"
#include "polynomial/trial.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kSlicesSampled = 2;
/// Samples of a few slices, on rank 0. Collective.
template <class T>
std::vector<plan::Sample> samples(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                  const plan::Balance& balance, const HeavyCandidates& heavy,
                                  const plan::SampleSizes& sizes, std::uint64_t seed) {
  plan::HeavyCounts largest;
  for (std::size_t u = 0; u < largest.size(); ++u) largest[u] = sizes.largest(u);
  std::vector<plan::Sample> result;
  for (const std::int64_t slice : pick(problem.shape.slices, kSlicesSampled, seed, "slices")) {
    const auto known = heavy.ranked.find(slice);
    const RankedRows ranked =
        known != heavy.ranked.end() ? known->second : rank_rows(comm, problem, operands, balance, slice, largest);
    result.push_back(sample_rows(comm, problem, operands, ranked, slice, sizes, seed));
  }
  return result;
}

/// What rank 0 alone knows, to all; every figure is at least 0, and -1 stands for none.
template <class V>
void tell(const Communicator& comm, std::optional<V>& value) {
  constexpr double kNone = -1;
  const double told = comm.max(value ? static_cast<double>(*value) : kNone);
  if (told >= 0) value = static_cast<V>(told);
}

}  // namespace

template <class T>
FeatureChoice choose_features(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                              const FeatureRequest& request) {
  FeatureChoice choice;
  const plan::SampleSizes& trial_sizes = plan::of_order(plan::kTrialSizes, problem.shape.order);
  const plan::Balance balance = balance_operands(comm, problem, operands);
  HeavyCandidates heavy = heavy_candidates(comm, problem, operands, balance, request,
                                           std::max(plan::kSearchSizes.largest_keys, trial_sizes.largest_keys));
  std::vector<Candidate> candidates;
  for (const plan::HeavyRows& rows : heavy.heavy) {
    const bool wanted = candidates.empty() || request.certified;
    candidates.push_back({rows.counts, wanted ? light_score_bound(comm, problem, operands, rows) : 0.0});
  }
  const ChoiceSamples rows{samples(comm, problem, operands, balance, heavy, plan::kSearchSizes, 1),
                           samples(comm, problem, operands, balance, heavy, trial_sizes, 2),
                           samples(comm, problem, operands, balance, heavy, trial_sizes, 3)};
  const Communicator alone(MPI_COMM_SELF);
  std::optional<std::size_t> chosen;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    SetTrials<T> trials(alone, rows, request.target);
    chosen = Chooser<T>(request, problem.shape.dim, trials, candidates, choice).choose();
  });
  choice.walk = unpack<plan::Walk>(comm.broadcast(comm.rank() == 0 ? pack(choice.walk) : std::string()));
  choice.in_double = comm.max(std::int64_t{choice.in_double}) != 0;
  tell(comm, choice.degree);
  tell(comm, choice.certified_error);
  tell(comm, choice.measured_error);
  tell(comm, chosen);
  choice.heavy = std::move(heavy.heavy[*chosen]);
  choice.score_bound = *chosen == 0 || request.certified ? candidates[*chosen].score_bound
                                                         : light_score_bound(comm, problem, operands, choice.heavy);
  return choice;
}

template <class T>
double measure_error(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                     const plan::Walk& walk, plan::Target target, bool in_double, std::uint64_t seed) {
  const plan::Balance balance = balance_operands(comm, problem, operands);
  const auto rows =
      samples(comm, problem, operands, balance, {}, plan::of_order(plan::kCheckSizes, problem.shape.order), seed);
  const Communicator alone(MPI_COMM_SELF);
  const bool computed_in_double = in_double || std::is_same_v<T, double>;
  double error = 0;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    for (const plan::Sample& sample : rows) {
      const Trial trial(alone, sample, target);
      error = std::max(error, computed_in_double ? trial.error<double>(walk) : trial.error<float>(walk));
    }
  });
  return comm.max(error);
}

Problem checked_problem(const Problem& problem) {
  return plan::sampled_problem(problem, plan::of_order(plan::kCheckSizes, problem.shape.order));
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
