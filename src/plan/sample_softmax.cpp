#include "plan/sample_softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::plan {
namespace {

struct ThinnedKey {
  std::vector<std::size_t> row;
  std::vector<double> weight;  // sums to 1
};

ThinnedKey thin(const SampledRows& key, std::int64_t most) {
  ThinnedKey thinned;
  const std::int64_t count = std::min(key.rows, most);
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    thinned.row.push_back(static_cast<std::size_t>(i * key.rows / count));
    total += key.weight[thinned.row.back()];
  }
  for (const std::size_t row : thinned.row) thinned.weight.push_back(key.weight[row] / total);
  return thinned;
}

/// One query against all key tuples: a running maximum keeps any score in range.
class QueryPass {
 public:
  QueryPass(const Sample& sample, const std::vector<ThinnedKey>& keys)
      : sample_(sample),
        keys_(keys),
        dim_(static_cast<std::size_t>(sample.dim)),
        value_dim_(static_cast<std::size_t>(sample.value_dim)),
        folded_(keys.size() + 1),
        values_(keys.size() + 1) {
    for (auto& q : folded_) q.resize(dim_);
    for (auto& v : values_) v.assign(value_dim_, 1);
  }

  void run(const double* query, double* log_normaliser, double* output) {
    std::copy_n(query, dim_, folded_[0].begin());
    top_ = -std::numeric_limits<double>::infinity();
    sum_ = 0;
    accumulated_.assign(value_dim_, 0);
    descend(0, 1);
    *log_normaliser = top_ + std::log(sum_);
    for (std::size_t m = 0; m < value_dim_; ++m) output[m] = accumulated_[m] / sum_;
  }

 private:
  void descend(std::size_t u, double weight) {
    if (u == keys_.size()) return add(weight);
    const SampledRows& key = sample_.key[u];
    for (std::size_t i = 0; i < keys_[u].row.size(); ++i) {
      const double* k = &key.x[keys_[u].row[i] * dim_];
      const double* v = key.value.data() + keys_[u].row[i] * value_dim_;
      for (std::size_t l = 0; l < dim_; ++l) folded_[u + 1][l] = folded_[u][l] * k[l];
      for (std::size_t m = 0; m < value_dim_; ++m) values_[u + 1][m] = values_[u][m] * v[m];
      descend(u + 1, weight * keys_[u].weight[i]);
    }
  }

  void add(double weight) {
    double score = 0;
    for (const double part : folded_.back()) score += part;
    if (score > top_) {
      const double shrink = std::exp(top_ - score);
      sum_ *= shrink;
      for (double& a : accumulated_) a *= shrink;
      top_ = score;
    }
    const double p = weight * std::exp(score - top_);
    sum_ += p;
    for (std::size_t m = 0; m < value_dim_; ++m) accumulated_[m] += p * values_.back()[m];
  }

  const Sample& sample_;
  const std::vector<ThinnedKey>& keys_;
  std::size_t dim_, value_dim_;
  std::vector<std::vector<double>> folded_, values_;
  std::vector<double> accumulated_;
  double top_ = 0, sum_ = 0;
};

}  // namespace

SampleSoftmax sample_softmax(const Sample& sample) {
  constexpr double kScores = 1 << 17;
  const auto queries = static_cast<std::size_t>(sample.query.rows);
  const auto most =
      static_cast<std::int64_t>(std::pow(kScores / static_cast<double>(queries), 1.0 / sample.order) + 1e-6);
  std::vector<ThinnedKey> keys;
  for (int u = 0; u < sample.order; ++u)
    keys.push_back(thin(sample.key[static_cast<std::size_t>(u)], std::max<std::int64_t>(most, 2)));
  SampleSoftmax result;
  result.log_normaliser.resize(queries);
  result.output.resize(queries * static_cast<std::size_t>(sample.value_dim));
  QueryPass pass(sample, keys);
  for (std::size_t i = 0; i < queries; ++i)
    pass.run(&sample.query.x[i * static_cast<std::size_t>(sample.dim)], &result.log_normaliser[i],
             result.output.data() + i * static_cast<std::size_t>(sample.value_dim));
  return result;
}

}  // namespace tattn::plan
