// The studies: which points each is made of.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cli/study.hpp"
#include "plan/monomial_walk.hpp"

namespace tattn::cli {
namespace {

constexpr std::int64_t kMostRows = std::int64_t{1} << 20;
constexpr std::int64_t kStrongRows = 131072, kWeakRows = 16384, kAccuracyRows = 400, kBoundRows = 4096;
constexpr std::int64_t kAccuracyFeatures = 4096;
constexpr double kRounding = 64;                        // times eps
constexpr double kBoundStep = 0.25, kLargestBound = 8;  // of the threshold

/// 1, 2, 4, .. and the last.
std::vector<int> doubled(int last) {
  std::vector<int> result;
  for (int ranks = 1; ranks < last; ranks *= 2) result.push_back(ranks);
  result.push_back(last);
  return result;
}

/// How much longer twice the rows take.
double growth(const Problem& problem, Method method, bool keys_grow) {
  return method == Method::exact && keys_grow ? std::pow(2, problem.shape.order + 1) : 2;
}

}  // namespace

void Study::length() {
  const bool keys_grow = options_.shape.key_rows.empty();
  std::optional<double> last[2];
  for (std::int64_t rows = kFewestRows; rows <= options_.rows.value_or(kMostRows); rows *= 2)
    for (const Method method : {Method::exact, Method::polynomial}) {
      if (!wants(method) || (method == Method::polynomial && options_.common.causal)) continue;
      auto& before = last[method == Method::exact ? 0 : 1];
      const Problem here = study_problem(options_, rows);
      const std::string point = fmt::format("{} rows={} ranks={}", method_name(method), rows, comm_.size());
      if (!before || *before * growth(here, method, keys_grow) <= options_.time_limit)
        before = at({point, comm_.size(), here, library(method), std::nullopt, false, true}).seconds();
      else if (method == Method::exact)
        predicted(point + " predicted", here, like(method), comm_.size());
    }
}

/// Weak: every rank has as much work as one has alone, by more query rows, and with the polynomial more keys.
Problem Study::problem_on(int ranks, bool weak, Method method) const {
  const std::int64_t rows = options_.rows.value_or(weak ? kWeakRows : kStrongRows);
  if (!weak) return study_problem(options_, rows);
  if (method != Method::exact) return study_problem(options_, rows * ranks);
  Problem result = study_problem(options_, rows);
  result.shape.rows *= ranks;
  return result;
}

/// One method and one set of features on all numbers of ranks: what the first point has.
void Study::scaling(bool weak) {
  Options how = library_;
  study::Row first;
  for (const int ranks : doubled(comm_.size())) {
    const Problem here = problem_on(ranks, weak, how.method);
    const study::Row row =
        at({fmt::format("{} ranks={}", options_.kind, ranks), ranks, here, how, std::nullopt, false, false});
    if (ranks > 1) continue;
    first = row;
    how = library(row.method == "exact" ? Method::exact : Method::polynomial);
    if (!how.degree) how.features = row.features;
  }
  if (!options_.predict_ranks) return;
  for (const int ranks : doubled(*options_.predict_ranks)) {
    const Problem here = !weak && options_.predict_rows ? study_problem(options_, *options_.predict_rows)
                                                        : problem_on(ranks, weak, how.method);
    predicted(fmt::format("{} rows={} ranks={} predicted", options_.kind, here.shape.rows, ranks), here, first,
              ranks);
  }
}

/// Until the error is rounding, which no more features lessen.
void Study::accuracy() {
  const Problem here = study_problem(options_, options_.rows.value_or(kAccuracyRows));
  const double rounding = kRounding * (options_.shape.single() ? std::numeric_limits<float>::epsilon()
                                                               : std::numeric_limits<double>::epsilon());
  Wanted wanted{"", comm_.size(), here, library(Method::polynomial), std::nullopt, true, true};
  for (std::int64_t features = 1; features <= kAccuracyFeatures; features *= 2) {
    wanted.point = fmt::format("measured features={}", features);
    wanted.library.features = features;
    if (at(wanted).error.value_or(1) < rounding) break;
  }
  wanted.library.features.reset();
  for (int degree = 1;; ++degree) {
    const auto features = plan::full_walk_size(here.shape.dim, degree);
    if (!features || *features > kAccuracyFeatures) break;
    wanted.point = fmt::format("full degree={}", degree);
    wanted.library.degree = degree;
    if (at(wanted).error.value_or(1) < rounding) break;
  }
}

/// Until the polynomial is refused or takes longer than exact.
void Study::bound() {
  const Problem here = study_problem(options_, options_.rows.value_or(kBoundRows));
  const double threshold = std::pow(std::log(static_cast<double>(here.shape.rows)), 1.0 / (here.shape.order + 1));
  const double exact = exact_seconds(here, threshold);
  for (double share = kBoundStep; share <= kLargestBound; share += kBoundStep) {
    const double entry = share * threshold;
    const auto seconds = at({fmt::format("polynomial share={}", share), comm_.size(), here,
                             library(Method::polynomial), entry, false, true})
                             .seconds();
    if (!seconds || *seconds >= exact) return;
  }
}

/// Measured, if it may take so long.
double Study::exact_seconds(const Problem& problem, double entry) {
  study::Row exact = like(Method::exact);
  exact.entry = entry;
  exact.spread = Entries{0, 0, entry}.deviation();
  const double expected = *predicted("exact predicted", problem, exact, comm_.size()).seconds();
  if (expected > options_.time_limit) return expected;
  return *at({"exact", comm_.size(), problem, library(Method::exact), entry, false, false}).seconds();
}

study::Row Study::like(Method method) const {
  study::Row row;
  row.method = method_name(method);
  row.spread = options_.shape.spread;
  return row;
}

}  // namespace tattn::cli
