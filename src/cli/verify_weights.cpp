// What a problem file's result has beside O and LSE: the loss, and the gradients of the weights and of the whole X.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/progress.hpp"
#include "cli/verify.hpp"
#include "cli/widened.hpp"
#include "io/problem_file.hpp"
#include "plan/random_normal.hpp"
#include "training/loss.hpp"
#include "training/vectors.hpp"

namespace tattn::cli {
namespace {

using training::dot;

template <class T>
training::ProblemRows<double> in_double(const training::ProblemRows<T>& rows) {
  training::ProblemRows<double> result;
  result.query_rows = rows.query_rows;
  result.key_rows = rows.key_rows;
  result.query = widened(rows.query);
  result.target = widened(rows.target);
  for (std::size_t u = 0; u < rows.key.size(); ++u) {
    result.key[u] = widened(rows.key[u]);
    result.value[u] = widened(rows.value[u]);
  }
  return result;
}

/// As large as the weight in each of its entries, so that a step is relative.
std::vector<double> random_like(const double* weight, std::int64_t entries, std::uint64_t seed,
                                const std::string& name) {
  const std::vector<double> copy(weight, weight + entries);
  std::vector<double> direction(copy.size());
  RandomStream(seed, "direction " + name)
      .normal({0, entries}, std::sqrt(dot(copy, copy) / static_cast<double>(entries)), direction.data());
  return direction;
}

/// Sizes that the step has to fit, as in verify_direction: of the scores that matter, and of the loss.
struct Sizes {
  double curvature = 1, loss = 0;
};

/// A slope of the loss along a line in double, against what the gradients say of it.
class Slope {
 public:
  Slope(const Communicator& comm, const VerifyOptions& options, const Options& library, const Sizes& sizes)
      : comm_(comm), options_(options), library_(library), sizes_(sizes) {}

  /// `weights_at`: the weights of `problem` at a step along the line; `deviation`: the size of the expected slope
  /// over random lines.
  [[nodiscard]] Check check(const std::string& name, const training::TrainingProblem& problem,
                            const training::ProblemRows<double>& rows,
                            const std::function<std::vector<double>(double)>& weights_at, double expected,
                            double deviation) const {
    constexpr double eps = std::numeric_limits<double>::epsilon();
    const double step = std::cbrt(eps * sizes_.curvature) / sizes_.curvature;
    training::Loss<double> loss(comm_, problem, rows);
    Plan plan;
    plan.method = library_.method;
    Progress progress(options_.common.progress, comm_.rank() == 0 && !options_.common.quiet);
    const auto at = [&](double distance, const char* phase) {
      Options told = library_;
      told.progress = progress.phase(name + phase);
      return evaluate(loss, weights_at(distance), plan, told, false).loss;
    };
    const double slope = (at(step, " 1/2") - at(-step, " 2/2")) / (2 * step);
    const double rounding = eps * sizes_.curvature * sizes_.loss / step;
    return {name, fmt::format("step {:.1e}", step),
            relative_error(std::abs(slope - expected), deviation, rounding, options_.common.tolerance), 0};
  }

 private:
  const Communicator& comm_;
  const VerifyOptions& options_;
  const Options& library_;
  Sizes sizes_;
};

/// Along a random direction in all weights.
Check check_weights(const Slope& slope, const training::TrainingProblem& problem,
                    const training::ProblemRows<double>& rows, const std::vector<double>& weights,
                    const std::vector<double>& gradient, std::uint64_t seed) {
  std::vector<double> direction;
  double deviation = 0;
  for (const auto& view : weight_views(problem)) {
    const auto part = random_like(weights.data() + view.offset, view.size(), seed, view.name);
    const std::vector<double> mine(gradient.begin() + view.offset, gradient.begin() + view.end());
    deviation += dot(mine, mine) * dot(part, part) / static_cast<double>(view.size());
    direction.insert(direction.end(), part.begin(), part.end());
  }
  const auto weights_at = [&](double step) {
    std::vector<double> moved = weights;
    for (std::size_t x = 0; x < moved.size(); ++x) moved[x] += step * direction[x];
    return moved;
  };
  return slope.check("direction", problem, rows, weights_at, dot(gradient, direction), std::sqrt(deviation));
}

/// X + step U (V (/) W)^T = [X1, step U] ([X2, V] (/) [X3, W])^T: the whole X moved is a problem with twice the
/// dim.
class WholeLine {
 public:
  WholeLine(const training::TrainingProblem& problem, const std::vector<double>& weights, std::uint64_t seed)
      : problem_(problem), views_(weight_views(problem)), weights_(weights) {
    for (std::size_t x = 0; x < 3; ++x)
      factors_.push_back(
          random_like(weights.data() + views_[x].offset, views_[x].size(), seed, "whole " + views_[x].name));
  }

  [[nodiscard]] training::TrainingProblem problem() const {
    training::TrainingProblem wide = problem_;
    wide.attention.shape.dim *= 2;  // the scale stays
    return wide;
  }

  [[nodiscard]] std::vector<double> weights_at(double step) const {
    std::vector<double> wide;
    const std::int64_t dim = problem_.attention.shape.dim;
    for (std::size_t x = 0; x < 3; ++x)
      for (std::int64_t row = 0; row < problem_.model_dim; ++row) {
        const double* from = weights_.data() + views_[x].offset + row * dim;
        wide.insert(wide.end(), from, from + dim);
        for (std::int64_t l = 0; l < dim; ++l)
          wide.push_back((x == 0 ? step : 1.0) * factors_[x][static_cast<std::size_t>(row * dim + l)]);
      }
    wide.insert(wide.end(), weights_.begin() + views_[3].offset, weights_.end());
    return wide;
  }

  /// U (V (/) W)^T, a x a^2.
  [[nodiscard]] std::vector<double> direction() const {
    const std::int64_t a = problem_.model_dim, dim = problem_.attention.shape.dim;
    std::vector<double> entries;
    for (std::int64_t q = 0; q < a; ++q)
      for (std::int64_t b = 0; b < a; ++b)
        for (std::int64_t c = 0; c < a; ++c) {
          double sum = 0;
          for (std::int64_t l = 0; l < dim; ++l)
            sum += factors_[0][static_cast<std::size_t>(q * dim + l)] *
                   factors_[1][static_cast<std::size_t>(b * dim + l)] *
                   factors_[2][static_cast<std::size_t>(c * dim + l)];
          entries.push_back(sum);
        }
    return entries;
  }

 private:
  training::TrainingProblem problem_;
  std::vector<training::WeightView> views_;
  const std::vector<double>& weights_;
  std::vector<std::vector<double>> factors_;
};

Check check_whole(const Slope& slope, const training::TrainingProblem& problem,
                  const training::ProblemRows<double>& rows, const std::vector<double>& weights,
                  const std::vector<double>& gradient, std::uint64_t seed) {
  const WholeLine line(problem, weights, seed);
  const std::vector<double> direction = line.direction();
  const double deviation =
      std::sqrt(dot(gradient, gradient) * dot(direction, direction) / static_cast<double>(direction.size()));
  return slope.check(
      "dX", line.problem(), rows, [&](double step) { return line.weights_at(step); }, dot(gradient, direction),
      deviation);
}

/// 0.5 || O - E ||^2 of the O of the result.
template <class T>
double loss_of(const Communicator& comm, const Subject<T>& subject) {
  double sum = 0;
  for (const T x : subject.operands.upstream) sum += static_cast<double>(x) * static_cast<double>(x);
  return 0.5 * comm.sum(sum);
}

}  // namespace

template <class T>
std::vector<Check> verify_weights(const Communicator& comm, const Subject<T>& subject, const io::FileInfo& info,
                                  const io::ResultContents& contents, const VerifyOptions& options,
                                  const Options& library) {
  const double loss = loss_of(comm, subject);
  std::vector<Check> checks;
  if (contents.loss)
    checks.push_back({"loss", "of O and E", std::abs(*contents.loss - loss) / std::max(loss, 1e-300), 0});
  if (!contents.has("dX1") || !(options.full || direction_is_cheap(comm, info.problem, library.threads)))
    return checks;

  const training::TrainingProblem problem = io::training_problem(info);
  const auto data = io::read_problem<T>(comm, info, subject.operands.query_rows);
  const training::ProblemRows<double> rows = in_double(data.rows);
  const auto read = [&](const std::string& name, std::int64_t columns) {
    return widened(io::read_rows<T>(comm, options.output, name, {0, info.model_dim},
                                    io::DatasetShape{{}, info.model_dim, columns}));
  };
  std::vector<double> gradient;
  for (const auto& view : weight_views(problem)) {
    const std::vector<double> part = read("d" + view.name, view.columns);
    gradient.insert(gradient.end(), part.begin(), part.end());
  }
  const Sizes sizes{(1 + static_cast<double>(info.problem.shape.order)) * (1 + largest_lse(comm, subject)), loss};
  const Slope slope(comm, options, library, sizes);
  if (contents.has("dX") && info.problem.shape.order == 2)
    checks.push_back(
        check_whole(slope, problem, rows, data.weights, read("dX", info.model_dim * info.model_dim), options.seed));
  checks.push_back(check_weights(slope, problem, rows, data.weights, gradient, options.seed));
  return checks;
}

template std::vector<Check> verify_weights(const Communicator&, const Subject<float>&, const io::FileInfo&,
                                           const io::ResultContents&, const VerifyOptions&, const Options&);
template std::vector<Check> verify_weights(const Communicator&, const Subject<double>&, const io::FileInfo&,
                                           const io::ResultContents&, const VerifyOptions&, const Options&);

}  // namespace tattn::cli
