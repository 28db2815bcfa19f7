#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "cli/progress.hpp"
#include "cli/verify.hpp"
#include "plan/flops.hpp"
#include "plan/random_normal.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {
namespace {

/// About a minute at the 10 Gflop/s that a thread of today reaches in double.
constexpr double kCheapFlopsAThread = 6e11;

/// One operand, its random direction (as large as the operand, so that the step is relative) and gradient.
template <class T>
struct Along {
  const std::vector<T>& operand;
  const std::vector<T>& gradient;
  std::vector<double> direction;
};

/// The same direction however the rows are spread: each entry is a function of its global index.
template <class T>
Along<T> along(const Communicator& comm, const std::string& name, const std::vector<T>& operand,
               const std::vector<T>& gradient, RowRange rows, std::int64_t total_rows, std::int64_t columns,
               std::uint64_t seed) {
  double squares = 0;
  for (const T x : operand) squares += static_cast<double>(x) * static_cast<double>(x);
  const double deviation = std::sqrt(comm.sum(squares) / static_cast<double>(total_rows * columns));
  Along<T> result{operand, gradient, std::vector<double>(operand.size())};
  RandomStream(seed, "direction " + name)
      .normal({rows.begin * columns, rows.end * columns}, deviation, result.direction.data());
  return result;
}

template <class T>
class Direction {
 public:
  Direction(const Communicator& comm, const Subject<T>& subject, std::uint64_t seed, const Options& library)
      : comm_(comm), subject_(subject), library_(library) {
    const Shape& shape = subject.problem.shape;
    const auto& rows = subject.operands;
    parts_.push_back(
        along(comm, "Q", rows.query, subject.results.query, rows.query_rows, shape.total_rows(), shape.dim, seed));
    for (int u = 0; u < shape.order; ++u) {
      const auto at = static_cast<std::size_t>(u);
      const std::int64_t total = shape.total_key_rows(u);
      parts_.push_back(along(comm, fmt::format("K{}", u + 1), rows.key[at], subject.results.key[at],
                             rows.key_rows[at], total, shape.dim, seed));
      parts_.push_back(along(comm, fmt::format("V{}", u + 1), rows.value[at], subject.results.value[at],
                             rows.key_rows[at], total, shape.value_dim, seed));
    }
  }

  /// sum(O * dO), all operands moved by `step` along the direction.
  [[nodiscard]] double loss(double step) const {
    io::OperandRows<double> moved;
    moved.query_rows = subject_.operands.query_rows;
    moved.key_rows = subject_.operands.key_rows;
    moved.query = move(parts_[0], step);
    for (std::size_t u = 0; u < order(); ++u) {
      moved.key[u] = move(parts_[2 * u + 1], step);
      moved.value[u] = move(parts_[2 * u + 2], step);
    }
    ResultRows<double> results(moved, subject_.problem.shape, false);
    forward(comm_.handle(), subject_.problem, moved.views(), library_, results.output_views());
    double sum = 0;
    for (std::size_t x = 0; x < results.output.size(); ++x)
      sum += results.output[x] * static_cast<double>(subject_.operands.upstream[x]);
    return comm_.sum(sum);
  }

  struct Slope {
    double expected = 0;   ///< what the gradients of the result say
    double deviation = 0;  ///< its standard deviation over random directions: the size of the gradients
  };

  [[nodiscard]] Slope slope() const {
    double product = 0, squares = 0;
    for (const Along<T>& part : parts_) {
      double gradient = 0, direction = 0;
      for (std::size_t x = 0; x < part.direction.size(); ++x) {
        const auto g = static_cast<double>(part.gradient[x]);
        product += g * part.direction[x];
        gradient += g * g;
        direction += part.direction[x] * part.direction[x];
      }
      const double entries = static_cast<double>(comm_.sum(static_cast<std::int64_t>(part.direction.size())));
      squares += comm_.sum(gradient) * comm_.sum(direction) / entries;
    }
    return {comm_.sum(product), std::sqrt(squares)};
  }

  /// Sizes that the step has to fit: of the scores that matter, times the operands in each, and of the loss.
  [[nodiscard]] double curvature() const {
    return (1 + static_cast<double>(order())) * (1 + largest_lse(comm_, subject_));
  }

  [[nodiscard]] double loss_terms() const {
    double sum = 0;
    for (std::size_t x = 0; x < subject_.results.output.size(); ++x)
      sum += std::abs(static_cast<double>(subject_.results.output[x]) *
                      static_cast<double>(subject_.operands.upstream[x]));
    return comm_.sum(sum);
  }

 private:
  [[nodiscard]] std::size_t order() const { return static_cast<std::size_t>(subject_.problem.shape.order); }

  [[nodiscard]] static std::vector<double> move(const Along<T>& part, double step) {
    std::vector<double> moved(part.operand.begin(), part.operand.end());
    for (std::size_t x = 0; x < moved.size(); ++x) moved[x] += step * part.direction[x];
    return moved;
  }

  const Communicator& comm_;
  const Subject<T>& subject_;
  const Options& library_;
  std::vector<Along<T>> parts_;  ///< Q, K1, V1, K2, V2, ..
};

}  // namespace

bool direction_is_cheap(const Communicator& comm, const Problem& problem, int threads) {
  return 2 * plan::exact_forward_flops(problem) <= kCheapFlopsAThread * comm.size() * threads;
}

template <class T>
Check verify_direction(const Communicator& comm, const Subject<T>& subject, const VerifyOptions& options,
                       const Options& library) {
  Progress progress(options.common.progress, comm.rank() == 0 && !options.common.quiet);
  Options with_progress = library;
  const Direction<T> direction(comm, subject, options.seed, with_progress);
  // The difference is off by (step * curvature)^2 and, by rounding, by eps * curvature / (step * curvature).
  const double curvature = direction.curvature();
  constexpr double eps = std::numeric_limits<double>::epsilon();
  const double step = std::cbrt(eps * curvature) / curvature;
  with_progress.progress = progress.phase("direction 1/2");
  const double up = direction.loss(step);
  with_progress.progress = progress.phase("direction 2/2");
  const double down = direction.loss(-step);
  const auto slope = direction.slope();
  const double rounding = eps * curvature * direction.loss_terms() / step;
  const double difference = std::abs((up - down) / (2 * step) - slope.expected);
  return {"direction", fmt::format("step {:.1e}", step),
          relative_error(difference, slope.deviation, rounding, options.common.tolerance), 0};
}

template Check verify_direction(const Communicator&, const Subject<float>&, const VerifyOptions&, const Options&);
template Check verify_direction(const Communicator&, const Subject<double>&, const VerifyOptions&, const Options&);

}  // namespace tattn::cli
