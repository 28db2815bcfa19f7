#include "training/teacher.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "plan/flops.hpp"
#include "plan/random_normal.hpp"
#include "tattn/attention.hpp"
#include "training/projection.hpp"

namespace tattn::training {
namespace {

constexpr std::int64_t kMostBlocks = 64;
constexpr std::int64_t kLeastRows = 64;  // of a block, a few tiles of the kernels
constexpr double kExactFlops = 1e12;
constexpr double kTolerance = 1e-5;

/// Scores are products of t + 1 normal vectors, so the largest of many is far larger than their deviation. With
/// this one a polynomial of some thousand features still does it for 50,000 rows.
constexpr double kScoreDeviation = 1.0 / 3;

/// Query rows of each block: no function of the ranks. Causal rows need all of the others.
std::int64_t block_rows(const Problem& problem) {
  if (problem.causal) return problem.shape.rows;
  return std::max(kLeastRows, (problem.shape.rows + kMostBlocks - 1) / kMostBlocks);
}

std::int64_t block_count(const Problem& problem) {
  return (problem.shape.rows + block_rows(problem) - 1) / block_rows(problem);
}

RowRange rows_of(const Problem& problem, std::int64_t block) {
  const std::int64_t step = block_rows(problem);
  return {std::min(block * step, problem.shape.rows), std::min((block + 1) * step, problem.shape.rows)};
}

/// The projected operands of a layer, whole.
class Layer {
 public:
  Layer(const TrainingProblem& problem, const ProblemRows<double>& whole, const std::vector<double>& weights)
      : problem_(problem.attention) {
    const std::vector<WeightView> views = weight_views(problem);
    const auto order = static_cast<std::size_t>(problem_.shape.order);
    const auto times = [&](const std::vector<double>& a, const WeightView& view) {
      const auto rows = static_cast<std::int64_t>(a.size()) / view.rows;
      std::vector<double> product(static_cast<std::size_t>(rows * view.columns));
      project(a.data(), rows, view.rows, weights.data() + view.offset, view.columns, 1, product.data());
      return product;
    };
    query_ = times(whole.query, views[0]);
    for (std::size_t u = 0; u < order; ++u) {
      key_[u] = times(whole.key[u], views[u + 1]);
      value_[u] = times(whole.value[u], views[u + 1 + order]);
    }
  }

  /// Operands with some of the query rows, as a problem of their own.
  [[nodiscard]] Operands<double> operands(RowRange queries) const {
    const Shape& shape = problem_.shape;
    Operands<double> views;
    views.query = {query_.data() + queries.begin * shape.dim, {0, queries.size()}};
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      views.key[u] = {key_[u].data(), {0, shape.key_rows[u]}};
      views.value[u] = {value_[u].data(), {0, shape.key_rows[u]}};
    }
    return views;
  }

  [[nodiscard]] Problem problem(RowRange queries) const {
    Problem some = problem_;
    some.shape.rows = queries.size();
    return some;
  }

 private:
  Problem problem_;
  std::vector<double> query_;
  std::array<std::vector<double>, kMaxOrder> key_, value_;
};

}  // namespace

std::vector<double> random_weights(const TrainingProblem& problem, double shrink, std::uint64_t seed) {
  const Shape& shape = problem.attention.shape;
  const double gain =
      std::pow(kScoreDeviation * std::sqrt(static_cast<double>(shape.dim)), 1.0 / (shape.order + 1));
  const double of_x = gain / std::sqrt(static_cast<double>(problem.model_dim));
  std::vector<double> weights(static_cast<std::size_t>(weight_count(problem)));
  for (const WeightView& view : weight_views(problem))
    RandomStream(seed, view.name)
        .normal({0, view.size()}, shrink * (view.name.front() == 'X' ? of_x : 1.0), weights.data() + view.offset);
  return weights;
}

OutputRows layer_output(const Communicator& comm, const TrainingProblem& problem, const ProblemRows<double>& whole,
                        const std::vector<double>& weights) {
  const Problem& attention = problem.attention;
  const Communicator alone = comm.split(comm.rank());
  const Layer layer(problem, whole, weights);
  const RowRange blocks = even_range(block_count(attention), comm.size(), comm.rank());
  const RowRange all{0, attention.shape.rows};
  OutputRows result{{rows_of(attention, blocks.begin).begin, rows_of(attention, blocks.end).begin}, {}};
  Options options;
  options.tolerance = kTolerance;
  options.method =
      attention.causal || plan::exact_forward_flops(attention) <= kExactFlops ? Method::exact : Method::polynomial;
  comm.agree([&] {  // alone is of this rank only, so what it does does not communicate
    Plan plan;
    if (options.method == Method::polynomial)
      plan = make_plan(alone.handle(), attention, layer.operands(all), options, false);
    const std::int64_t value_dim = attention.shape.value_dim;
    result.output.resize(static_cast<std::size_t>(result.rows.size() * value_dim));
    for (std::int64_t block = blocks.begin; block < blocks.end; ++block) {
      const RowRange rows = rows_of(attention, block);
      std::vector<double> lse(static_cast<std::size_t>(rows.size()));
      forward<double>(alone.handle(), layer.problem(rows), plan, layer.operands(rows), options,
                      {result.output.data() + (rows.begin - result.rows.begin) * value_dim, lse.data()});
    }
  });
  return result;
}

double root_mean_square(const Communicator& comm, const TrainingProblem& problem, const OutputRows& output) {
  const Problem& attention = problem.attention;
  std::vector<double> squares(static_cast<std::size_t>(block_count(attention)), 0.0);
  for (std::size_t block = 0; block < squares.size(); ++block) {
    const RowRange rows = intersect(rows_of(attention, static_cast<std::int64_t>(block)), output.rows);
    for (std::int64_t x = rows.begin * attention.shape.value_dim; x < rows.end * attention.shape.value_dim; ++x) {
      const double entry =
          output.output[static_cast<std::size_t>(x - output.rows.begin * attention.shape.value_dim)];
      squares[block] += entry * entry;
    }
  }
  comm.sum(squares.data(), static_cast<std::int64_t>(squares.size()));  // each has one rank that is not zero
  const double total = std::accumulate(squares.begin(), squares.end(), 0.0);
  return std::sqrt(total / static_cast<double>(attention.shape.rows * attention.shape.value_dim));
}

}  // namespace tattn::training
