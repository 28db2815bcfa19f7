#include "service/schedule.hpp"

#include <algorithm>
#include <map>

#include "plan/cost_model.hpp"
#include "plan/memory.hpp"

namespace tattn::service {
namespace {

constexpr double kSecondsAFile = 0.15;   // to plan, create and flush
constexpr double kBytesPerSecond = 5e8;  // in and out, of a group of any size
constexpr double kAboutAsFast = 1.1;
constexpr std::int64_t kUsualFeatures = 2000;

/// Forward, and the gradient where it is asked for.
template <class Of>
double sum_passes(bool gradients, const Of& of) {
  return of(plan::Pass::forward) + (gradients ? of(plan::Pass::gradient) : 0);
}

double exact_seconds(const FileWork& work, const Setting& setting, int ranks, const plan::Rates& rates) {
  return sum_passes(setting.gradients, [&](plan::Pass pass) {
    return *plan::predict_exact(work.problem, pass, work.element_bytes, ranks, setting.options.threads, rates)
                .seconds;
  });
}

double polynomial_seconds(const FileWork& work, const Setting& setting, int ranks, const plan::Rates& rates) {
  const std::int64_t features = setting.options.features.value_or(kUsualFeatures);
  const plan::Grid grid = plan::default_grid(work.problem.shape, ranks);
  const auto groups = plan::even_groups(features, grid.features);
  return plan::predict_choice(work.problem, setting.gradients, features, false, rates) +
         sum_passes(setting.gradients, [&](plan::Pass pass) {
           return *plan::predict_polynomial(work.problem, pass, work.element_bytes, grid, groups,
                                            setting.options.threads, rates)
                       .seconds;
         });
}

double compute_seconds(const FileWork& work, const Setting& setting, int ranks) {
  const plan::Rates rates = plan::nominal_rates(work.element_bytes);
  if (setting.options.method == Method::polynomial) return polynomial_seconds(work, setting, ranks, rates);
  const double exact = exact_seconds(work, setting, ranks, rates);
  if (setting.options.method != Method::automatic || work.problem.causal) return exact;
  return std::min(exact, polynomial_seconds(work, setting, ranks, rates));
}

bool fits(const FileWork& work, const Setting& setting, int ranks) {
  const plan::Pass pass = setting.gradients ? plan::Pass::gradient : plan::Pass::forward;
  const std::int64_t limit = setting.options.memory_bytes;
  if (limit == 0) return true;
  if (setting.options.method == Method::dense)
    return plan::dense_memory_bytes(work.problem, pass, work.element_bytes, ranks) <= limit;
  return plan::exact_memory_bytes(work.problem, pass, work.element_bytes, ranks, setting.options.threads) <= limit;
}

/// Smallest first.
std::vector<int> group_sizes(const Setting& setting) {
  if (setting.ranks_per_file) return {*setting.ranks_per_file};
  std::vector<int> sizes;
  for (int size = 1; size < setting.ranks; size *= 2) sizes.push_back(size);
  sizes.push_back(setting.ranks);
  return sizes;
}

/// The smallest that takes `longest` seconds at most; where none does, the smallest that is about as fast as any.
int choose_size(const FileWork& work, const Setting& setting, const std::vector<int>& sizes, double longest) {
  int best = sizes.back();
  double least = predict_seconds(work, setting, best);
  for (auto size = sizes.rbegin(); size != sizes.rend() && fits(work, setting, *size); ++size) {
    const double seconds = predict_seconds(work, setting, *size);
    if (seconds > std::max(longest, kAboutAsFast * least)) continue;
    best = *size;
    least = std::min(least, seconds);
  }
  return best;
}

}  // namespace

double predict_seconds(const FileWork& work, const Setting& setting, int ranks) {
  return kSecondsAFile + static_cast<double>(work.bytes) / kBytesPerSecond + compute_seconds(work, setting, ranks);
}

std::vector<Level> make_schedule(const std::vector<FileWork>& files, const Setting& setting) {
  std::vector<double> alone;
  double all = 0;
  for (const FileWork& work : files) all += alone.emplace_back(predict_seconds(work, setting, 1));
  const std::vector<int> sizes = group_sizes(setting);
  std::map<int, Level, std::greater<>> levels;
  for (std::size_t f = 0; f < files.size(); ++f) {
    const int size = choose_size(files[f], setting, sizes, 0.5 * all / setting.ranks);
    levels[size].ranks = size;
    levels[size].files.push_back(f);
  }
  std::vector<Level> result;
  for (auto& [size, level] : levels) {
    std::stable_sort(level.files.begin(), level.files.end(),
                     [&](std::size_t a, std::size_t b) { return alone[a] > alone[b]; });
    result.push_back(std::move(level));
  }
  return result;
}

}  // namespace tattn::service
