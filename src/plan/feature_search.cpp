#include "plan/feature_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/flush_subnormals.hpp"
#include "plan/feature_probe.hpp"
#include "plan/sample_softmax.hpp"
#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmallScore = 1e-3;

void check(std::span<const Sample> samples) {
  if (samples.empty()) throw Error(Status::failed, "the search for features got no sampled rows");
  const Sample& first = samples.front();
  const auto fits = [&](const SampledRows& rows) {
    return rows.rows > 0 && std::ssize(rows.x) == rows.rows * first.dim && std::ssize(rows.weight) == rows.rows;
  };
  const auto has_values = [&](const SampledRows& rows) {
    return std::ssize(rows.value) == rows.rows * first.value_dim;
  };
  for (const Sample& sample : samples) {
    bool good = sample.order == first.order && sample.order >= 1 && sample.order <= kMaxOrder &&
                sample.dim == first.dim && sample.value_dim == first.value_dim && fits(sample.query);
    for (std::size_t u = 0; good && u < static_cast<std::size_t>(sample.order); ++u)
      good = fits(sample.key[u]) && has_values(sample.key[u]);
    if (!good) throw Error(Status::failed, "the sampled rows given to the search for features do not fit together");
  }
}

/// The rows of `all` but the `heavy` largest of its operand.
SampledRows light_rows(const SampledRows& all, std::int64_t heavy) {
  if (heavy == 0) return all;
  SampledRows light;
  const auto append = [](const std::vector<double>& from, std::size_t row, std::size_t rows,
                         std::vector<double>& to) {
    const auto columns = static_cast<std::ptrdiff_t>(from.size() / rows);
    const auto first = from.begin() + static_cast<std::ptrdiff_t>(row) * columns;
    to.insert(to.end(), first, first + columns);
  };
  for (std::size_t i = 0; i < all.rank.size(); ++i) {
    if (all.rank[i] < heavy) continue;
    append(all.x, i, all.rank.size(), light.x);
    append(all.value, i, all.rank.size(), light.value);
    light.weight.push_back(all.weight[i]);
    light.rank.push_back(all.rank[i]);
    ++light.rows;
  }
  return light;
}

void raise_peaks(const std::vector<double>& x, std::vector<double>& peaks) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    double& peak = peaks[i % peaks.size()];
    peak = std::max(peak, std::abs(x[i]));
  }
}

SampleScaling measure_scaling(std::span<const Sample> samples) {
  const auto dim = static_cast<std::size_t>(samples.front().dim);
  const auto order = static_cast<std::size_t>(samples.front().order);
  SampleScaling scaling{std::vector<double>(dim, 0), std::vector(order, std::vector<double>(dim, 0)),
                        std::vector<double>(order, 0), kInfinity};
  for (const Sample& sample : samples) {
    raise_peaks(sample.query.x, scaling.query);
    for (std::size_t u = 0; u < order; ++u) {
      raise_peaks(sample.key[u].x, scaling.key[u]);
      for (const double v : sample.key[u].value) scaling.value[u] = std::max(scaling.value[u], std::abs(v));
    }
  }
  return scaling;
}

void fill_column(SampledRows& rows, std::size_t l, std::size_t dim, double value) {
  for (std::size_t x = l; x < rows.x.size(); x += dim) rows.x[x] = value;
}

/// A column that is zero in one operand alone adds nothing to the scores, but that operand's gradient has monomials
/// with it. To find them, it gets a constant so small that scores hardly change.
std::vector<Sample> without_zero_columns(std::span<const Sample> samples) {
  std::vector<Sample> result(samples.begin(), samples.end());
  const SampleScaling scaling = measure_scaling(samples);
  const auto dim = static_cast<std::size_t>(result.front().dim);
  for (std::size_t l = 0; l < dim; ++l) {
    double others = 1;
    std::vector<std::size_t> zero;  // operands, Q first
    const auto look = [&](std::size_t operand, double peak) {
      if (peak > 0)
        others *= peak;
      else
        zero.push_back(operand);
    };
    look(0, scaling.query[l]);
    for (std::size_t u = 0; u < scaling.key.size(); ++u) look(u + 1, scaling.key[u][l]);
    if (zero.size() != 1) continue;
    for (Sample& sample : result)
      fill_column(zero[0] == 0 ? sample.query : sample.key[zero[0] - 1], l, dim,
                  kSmallScore / static_cast<double>(dim) / others);
  }
  return result;
}

struct Candidate {
  double reach = 0;
  std::int32_t parent = -1;
  std::int32_t variable = -1;

  /// Lower priority; ties go to the older parent, so that the search depends on its arguments only.
  bool operator<(const Candidate& other) const {
    if (reach != other.reach) return reach < other.reach;
    if (parent != other.parent) return parent > other.parent;
    return variable > other.variable;
  }
};

class Search {
 public:
  Search(std::span<const Sample> samples, const SearchOptions& options)
      : options_(options),
        gradients_(options.target == Target::gradients),
        components_(static_cast<std::size_t>(FeatureProbe::components(samples.front().order, gradients_))),
        dim_(static_cast<std::size_t>(samples.front().dim)),
        most_(static_cast<std::size_t>(std::max(options.effort, 1.0) * static_cast<double>(options.limit)) + 16),
        reach_(dim_) {
    ranking_.dim = samples.front().dim;
    SampleScaling scaling = measure_scaling(samples);
    for (std::size_t l = 0; l < dim_; ++l) variable_weight_.push_back(scaling.variable_weight(l));
    std::vector<SampleSoftmax> softmax;
    for (const Sample& sample : samples) {
      softmax.push_back(sample_softmax(sample));
      const auto& logs = softmax.back().log_normaliser;
      scaling.log_normaliser = std::min(scaling.log_normaliser, *std::min_element(logs.begin(), logs.end()));
    }
    for (std::size_t i = 0; i < samples.size(); ++i)
      probes_.emplace_back(samples[i], softmax[i], scaling, gradients_);
  }

  FeatureRanking run() {
    heap_.push_back({kInfinity, -1, -1});
    while (!heap_.empty() && ranking_.parent.size() < most_) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate best = heap_.back();
      heap_.pop_back();
      measure(best);
      if (ranking_.degree.back() < options_.degree_limit) push_children();
      prune();
    }
    rank();
    return std::move(ranking_);
  }

 private:
  /// Finds the variables, the last one's multiplicity and the weight of a node.
  void set_path(const Candidate& node) {
    path_.clear();
    if (node.variable >= 0) path_.push_back(node.variable);
    for (std::int64_t at = node.parent; at > 0; at = ranking_.parent[static_cast<std::size_t>(at)])
      path_.push_back(ranking_.variable[static_cast<std::size_t>(at)]);
    std::reverse(path_.begin(), path_.end());
    weight_ = 1;
    repeats_ = 0;
    for (std::size_t i = 0; i < path_.size(); ++i) {
      repeats_ = i > 0 && path_[i] == path_[i - 1] ? repeats_ + 1 : 1;
      weight_ *= variable_weight_[static_cast<std::size_t>(path_[i])] / repeats_;
    }
  }

  void measure(const Candidate& node) {
    set_path(node);
    ranking_.parent.push_back(node.parent);
    ranking_.variable.push_back(node.variable);
    ranking_.degree.push_back(static_cast<std::int32_t>(path_.size()));
    energies_.resize(energies_.size() + components_, 0);
    double* energies = energies_.data() + (energies_.size() - components_);
    for (FeatureProbe& probe : probes_) {
      probe.visit(path_);
      probe.add_energies(energies);
    }
    for (std::size_t c = 0; c < components_; ++c)
      if (energies[c] > 0)
        energies[c] = std::min(energies[c] * weight_ * weight_, std::numeric_limits<double>::max());
  }

  void push_children() {
    const std::int32_t first = path_.empty() ? 0 : path_.back();
    const auto here = static_cast<std::int32_t>(ranking_.parent.size() - 1);
    std::fill(reach_.begin(), reach_.end(), 0.0);
    for (FeatureProbe& probe : probes_) probe.add_child_reach(first, reach_.data());
    for (auto l = static_cast<std::size_t>(first); l < dim_; ++l) {
      const int again = !path_.empty() && static_cast<std::int32_t>(l) == first ? repeats_ + 1 : 1;
      const double weight = weight_ * variable_weight_[l] / again;
      // A derivative multiplies by the degree, about.
      const double slope = gradients_ ? static_cast<double>(path_.size() + 1) : 1;
      const double reach = reach_[l] * weight * weight * slope * slope;
      if (!(reach > 0)) continue;
      heap_.push_back({std::min(reach, std::numeric_limits<double>::max()), here, static_cast<std::int32_t>(l)});
      std::push_heap(heap_.begin(), heap_.end());
    }
  }

  /// Only as many candidates as can still be measured are worth keeping, and the best of them now are.
  void prune() {
    const std::size_t left = most_ - std::min(most_, ranking_.parent.size());
    if (heap_.size() < 2 * left + 1024) return;
    const auto cut = heap_.begin() + static_cast<std::ptrdiff_t>(left);
    std::nth_element(heap_.begin(), cut, heap_.end(), [](const Candidate& a, const Candidate& b) { return b < a; });
    heap_.erase(cut, heap_.end());
    std::make_heap(heap_.begin(), heap_.end());
  }

  void rank() {
    const std::size_t nodes = ranking_.parent.size();
    std::vector<double> total(components_, 0);
    for (std::size_t i = 0; i < energies_.size(); ++i) total[i % components_] += energies_[i];
    ranking_.energy.assign(nodes, 0);
    for (std::size_t i = 0; i < energies_.size(); ++i) {
      const double whole = components_ == 1 ? 1 : total[i % components_];
      if (whole > 0) ranking_.energy[i / components_] += energies_[i] / whole;
    }
    ranking_.energy[0] = kInfinity;
    ranking_.by_energy.resize(nodes);
    std::iota(ranking_.by_energy.begin(), ranking_.by_energy.end(), 0);
    const auto& energy = ranking_.energy;
    std::stable_sort(ranking_.by_energy.begin(), ranking_.by_energy.end(), [&](std::int64_t a, std::int64_t b) {
      return energy[static_cast<std::size_t>(a)] > energy[static_cast<std::size_t>(b)];
    });
    if (std::ssize(ranking_.by_energy) > options_.limit)
      ranking_.by_energy.resize(static_cast<std::size_t>(std::max<std::int64_t>(options_.limit, 1)));
  }

  SearchOptions options_;
  bool gradients_;
  std::size_t components_, dim_, most_;
  std::vector<double> variable_weight_;
  std::vector<FeatureProbe> probes_;
  std::vector<Candidate> heap_;
  FeatureRanking ranking_;
  std::vector<double> energies_;  // nodes x components
  std::vector<double> reach_;
  // The monomial measured last.
  std::vector<std::int32_t> path_;
  int repeats_ = 0;
  double weight_ = 1;
};

}  // namespace

Sample light_rows(const Sample& sample, const HeavyCounts& counts) {
  Sample light{sample.order, sample.dim, sample.value_dim, {}, {}};
  light.query = light_rows(sample.query, counts[0]);
  for (std::size_t u = 0; u < static_cast<std::size_t>(sample.order); ++u)
    light.key[u] = light_rows(sample.key[u], counts[u + 1]);
  return light;
}

FeatureRanking search_features(std::span<const Sample> samples, const SearchOptions& options) {
  check(samples);
  const kernels::FlushSubnormals flush;  // powers of small entries
  if (options.target == Target::output) return Search(samples, options).run();
  return Search(without_zero_columns(samples), options).run();
}

}  // namespace tattn::plan
