#include "polynomial/trial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "exact/exact.hpp"
#include "plan/random_normal.hpp"
#include "polynomial/polynomial.hpp"
#include "polynomial/trial_parts.hpp"
#include "split/exact_parts.hpp"
#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

const plan::SampledRows& operand(const plan::Sample& sample, std::size_t number) {
  return number == 0 ? sample.query : sample.key[number - 1];
}

/// Relative Frobenius norm of the difference over the first `columns` columns, row i counting weight[i]^power
/// times.
template <class U>
double relative_difference(const std::vector<U>& tried, std::int64_t tried_stride, const std::vector<double>& truth,
                           std::int64_t truth_stride, std::int64_t columns, const std::vector<double>& weight,
                           int power) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const double w = power > 0 ? weight[i] : 1 / weight[i];
    for (std::int64_t c = 0; c < columns; ++c) {
      const double exact = truth[i * static_cast<std::size_t>(truth_stride) + static_cast<std::size_t>(c)];
      const double d =
          static_cast<double>(tried[i * static_cast<std::size_t>(tried_stride) + static_cast<std::size_t>(c)]) -
          exact;
      difference += w * d * d;
      size += w * exact * exact;
    }
  }
  if (difference == 0) return 0;
  const double error = std::sqrt(difference / size);
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();  // overflow is no result
}

}  // namespace

Trial::Case<double> Trial::make_case(const plan::Sample& sample, std::int64_t further_columns) {
  const auto order = static_cast<std::size_t>(sample.order);
  Case<double> c;
  c.problem = {
      {sample.order, 1, sample.query.rows, {}, sample.dim + further_columns, sample.value_dim}, 1.0, false};
  c.operands.resize(1 + 2 * order);
  for (std::size_t u = 0; u <= order; ++u) {
    const plan::SampledRows& rows = operand(sample, u);
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      const auto first = rows.x.begin() + i * sample.dim;
      c.operands[u].insert(c.operands[u].end(), first, first + sample.dim);
      c.operands[u].insert(c.operands[u].end(), static_cast<std::size_t>(further_columns), 1.0);
    }
    if (u == 0) continue;
    c.problem.shape.key_rows[u - 1] = rows.rows;
    c.operands[order + u] = rows.value;
  }
  c.upstream.resize(static_cast<std::size_t>(sample.query.rows * sample.value_dim));
  const std::vector<double>& known = sample.query.value;
  if (std::any_of(known.begin(), known.end(), [](double x) { return x != 0; }))
    c.upstream = known;
  else
    RandomStream(0, "upstream of a trial")
        .normal({0, sample.query.rows * sample.value_dim}, 1.0, c.upstream.data());
  for (std::size_t x = 0; x < c.upstream.size(); ++x)
    c.upstream[x] *= sample.query.weight[x / static_cast<std::size_t>(sample.value_dim)];
  c.output.resize(c.upstream.size());
  c.lse.resize(static_cast<std::size_t>(sample.query.rows));
  for (const auto& array : c.operands) c.gradients.emplace_back(array.size());
  return c;
}

template <class T>
Trial::Case<T> Trial::rounded(const Case<double>& from) {
  const auto round = [](const std::vector<double>& x) { return std::vector<T>(x.begin(), x.end()); };
  Case<T> c{from.problem, {}, round(from.upstream), round(from.output), round(from.lse), {}};
  for (const auto& array : from.operands) c.operands.push_back(round(array));
  for (const auto& array : from.gradients) c.gradients.push_back(round(array));
  return c;
}

Trial::Trial(const Communicator& alone, const plan::Sample& sample, plan::Target target)
    : alone_(alone), target_(target), dim_(sample.dim) {
  const auto order = static_cast<std::size_t>(sample.order);
  // Weights enter the exact scores as log w, in a further column for each key; the polynomial's as a further
  // variable.
  truth_ = make_case(sample, sample.order);
  tried_ = make_case(sample, 1);
  for (std::size_t u = 0; u <= order; ++u) {
    const std::vector<double>& weight = operand(sample, u).weight;
    row_weight_.push_back(weight);
    row_rank_.push_back(operand(sample, u).rank);
    if (u == 0) continue;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      truth_.operands[u][i * (static_cast<std::size_t>(dim_) + order) + static_cast<std::size_t>(dim_) + u - 1] =
          std::log(weight[i]);
      tried_.operands[u][i * (static_cast<std::size_t>(dim_) + 1) + static_cast<std::size_t>(dim_)] = weight[i];
    }
  }
  const Options options;
  exact::forward<double>(alone_, truth_.problem, truth_.views(), options,
                         {truth_.output.data(), truth_.lse.data()});
  if (target_ == plan::Target::gradients)
    exact::gradient<double>(alone_, truth_.problem, truth_.views(), options,
                            {truth_.output.data(), truth_.lse.data()}, truth_.upstream.data(),
                            truth_.gradient_views());
  take_heavy({});
}

void Trial::take_heavy(const plan::HeavyCounts& counts) {
  heavy_ = {};
  for (std::size_t u = 0; u < row_rank_.size(); ++u) {
    for (std::size_t i = 0; i < row_rank_[u].size(); ++i)
      if (row_rank_[u][i] < counts[u]) heavy_.rows[u].push_back(static_cast<std::int64_t>(i));
    heavy_.counts[u] = std::ssize(heavy_.rows[u]);
  }
  heavy_sums_ = exact::SoftmaxRows(truth_.problem.shape.rows, truth_.problem.shape.value_dim);
  split::exact_forward<double>(alone_, truth_.problem, heavy_, truth_.views(), {}, heavy_sums_);
  if (target_ == plan::Target::gradients) heavy_gradients_ = exact_shares(truth_.output, truth_.lse);
}

template <class T>
Operands<T> Trial::Case<T>::views() const {
  const auto order = static_cast<std::size_t>(problem.shape.order);
  Operands<T> result;
  result.query = {operands[0].data(), {0, problem.shape.rows}};
  for (std::size_t u = 0; u < order; ++u) {
    result.key[u] = {operands[1 + u].data(), {0, problem.shape.key_rows[u]}};
    result.value[u] = {operands[1 + order + u].data(), {0, problem.shape.key_rows[u]}};
  }
  return result;
}

template <class T>
Gradients<T> Trial::Case<T>::gradient_views() {
  return views_of(gradients);
}

template <class T>
double Trial::error(const plan::Walk& walk) const {
  Case<T> tried = rounded<T>(tried_);
  const plan::Walk set = weighted_walk(walk);
  const Options options;
  exact::SoftmaxRows sums = heavy_sums_;
  const split::Part<T> light(tried.problem, heavy_, plan::light_part(), tried.views());
  const auto forward_pass = [&](const Problem& problem, const Operands<T>& rows, const Output<T>& into) {
    forward<T>(alone_, problem, set, {}, rows, options, into);
  };
  try {
    if (plan::has_tuples(light.problem().shape)) light.forward(forward_pass, sums);
  } catch (const NotPositive&) {
    return std::numeric_limits<double>::infinity();
  }
  sums.finish(Output<T>{tried.output.data(), tried.lse.data()});
  const std::int64_t values = tried.problem.shape.value_dim;
  const double output_error =
      relative_difference(tried.output, values, truth_.output, values, values, row_weight_[0], 1);
  if (target_ == plan::Target::output) return output_error;
  const auto gradient_pass = [&](const Problem& problem, const Operands<T>& rows, const Output<const T>& out,
                                 const T* upstream, const Gradients<T>& into) {
    gradient<T>(alone_, problem, set, {}, rows, options, out, upstream, into);
  };
  if (plan::has_tuples(light.problem().shape))
    light.gradient(gradient_pass, {tried.output.data(), tried.lse.data()}, tried.upstream.data(),
                   tried.gradient_views());
  if (heavy_.any()) add_exact_gradients(tried);
  return std::max(output_error, worst_error(tried));
}

/// The gradients' shares of the tuples with a heavy row, in the exact method's columns.
std::vector<std::vector<double>> Trial::exact_shares(const std::vector<double>& output,
                                                     const std::vector<double>& lse) const {
  std::vector<std::vector<double>> shares;
  for (const auto& array : truth_.gradients) shares.emplace_back(array.size());
  if (heavy_.any())
    split::exact_gradient<double>(alone_, truth_.problem, heavy_, truth_.views(), {}, {output.data(), lse.data()},
                                  truth_.upstream.data(), views_of(shares));
  return shares;
}

const std::vector<double>& Trial::weight_of(std::size_t array) const {
  const std::size_t operands = row_weight_.size();
  return row_weight_[array < operands ? array : array - operands + 1];
}

std::size_t Trial::columns_of(std::size_t array) const {
  return static_cast<std::size_t>(array < row_weight_.size() ? dim_ : truth_.problem.shape.value_dim);
}

template <class T>
void Trial::add_exact_gradients(Case<T>& tried) const {
  const auto shares =
      exact_shares({tried.output.begin(), tried.output.end()}, {tried.lse.begin(), tried.lse.end()});
  for (std::size_t a = 0; a < shares.size(); ++a) {
    const std::size_t rows = weight_of(a).size(), columns = columns_of(a);
    const std::size_t from = shares[a].size() / rows, to = tried.gradients[a].size() / rows;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t c = 0; c < columns; ++c)
        tried.gradients[a][i * to + c] += static_cast<T>(shares[a][i * from + c]);
  }
}

/// A row's gradient holds its weight once: as a key through the softmax, as a query through the upstream gradient.
template <class T>
double Trial::worst_error(const Case<T>& tried) const {
  const std::size_t operands = row_weight_.size();
  const std::int64_t values = tried.problem.shape.value_dim;
  double worst = 0;
  for (std::size_t u = 0; u < operands; ++u) {
    worst = std::max(worst, relative_difference(tried.gradients[u], tried.problem.shape.dim, truth_.gradients[u],
                                                truth_.problem.shape.dim, dim_, row_weight_[u], -1));
    if (u == 0) continue;
    const std::size_t v = operands - 1 + u;
    worst = std::max(worst, relative_difference(tried.gradients[v], values, truth_.gradients[v], values, values,
                                                row_weight_[u], -1));
  }
  return worst;
}

template Operands<double> Trial::Case<double>::views() const;
template double Trial::error<float>(const plan::Walk&) const;
template double Trial::error<double>(const plan::Walk&) const;

}  // namespace tattn::polynomial
