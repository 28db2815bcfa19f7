#include "method/kernel_rates.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <vector>

#include "exact/exact.hpp"
#include "plan/flops.hpp"
#include "plan/monomial_walk.hpp"
#include "plan/random_normal.hpp"
#include "polynomial/polynomial.hpp"

namespace tattn::method {
namespace {

constexpr double kSeconds = 0.012;                   // at least so long a measurement
constexpr int kSums = 5;                             // over the ranks
constexpr double kLatency = 5e-6, kBandwidth = 5e9;  // assumed where one rank plans for many
constexpr std::int64_t kQueries = 64, kInnerRows = 384, kSequence = 1024;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The best of the runs that fit in kSeconds, after one that warms up.
double best_seconds(const std::function<void()>& run) {
  run();
  double best = std::numeric_limits<double>::infinity();
  for (const double start = now(); now() - start < kSeconds;) {
    const double before = now();
    run();
    best = std::min(best, now() - before);
  }
  return best;
}

/// A problem of given sizes with room for its results.
template <class T>
struct SmallCase {
  explicit SmallCase(const Shape& shape) : problem{shape, 0.1 / static_cast<double>(shape.dim), false} {
    const auto order = static_cast<std::size_t>(shape.order);
    operands.query = {entries(shape.rows * shape.dim), {0, shape.rows}};
    gradients.query = entries(shape.rows * shape.dim);
    for (std::size_t u = 0; u < order; ++u) {
      const RowRange rows{0, shape.key_rows[u]};
      operands.key[u] = {entries(rows.end * shape.dim), rows};
      operands.value[u] = {entries(rows.end * shape.value_dim), rows};
      gradients.key[u] = entries(rows.end * shape.dim);
      gradients.value[u] = entries(rows.end * shape.value_dim);
    }
    upstream = entries(shape.rows * shape.value_dim);
    output = {entries(shape.rows * shape.value_dim), entries(shape.rows)};
  }

  /// Entries that differ, so that no product underflows.
  T* entries(std::int64_t count) {
    auto& array = arrays.emplace_back(static_cast<std::size_t>(count));
    RandomStream(1, "rates").normal({0, count}, 1.0, array.data());
    return array.data();
  }

  std::vector<std::vector<T>> arrays;
  Problem problem;
  Operands<T> operands;
  Gradients<T> gradients;
  const T* upstream = nullptr;
  Output<T> output;
};

template <class T>
void measure_exact(const Communicator& alone, Shape shape, plan::Rates& rates) {
  shape.rows = kQueries;
  shape.key_rows = {1, 1, 1, 1};
  shape.key_rows[static_cast<std::size_t>(shape.order - 1)] = kInnerRows;
  if (shape.order > 1) shape.key_rows[0] = 16;
  SmallCase<T> c(shape);
  const double forward = best_seconds([&] { exact::forward<T>(alone, c.problem, c.operands, {}, c.output); });
  const double gradient = best_seconds([&] {
    exact::gradient<T>(alone, c.problem, c.operands, {}, {c.output.output, c.output.lse}, c.upstream, c.gradients);
  });
  rates.exact_forward = plan::exact_forward_flops(c.problem) / forward;
  rates.exact_gradient = plan::exact_gradient_flops(c.problem) / gradient;
}

/// A walk of 384 nodes whose parents lie in all depths, as in a searched set.
plan::Walk small_walk(std::int64_t dim) {
  plan::Walk walk = plan::full_walk(dim, 0);
  constexpr std::int64_t kNodes = 384;
  for (int degree = 1; walk.size() < kNodes && degree <= kNodes; ++degree) walk = plan::full_walk(dim, degree);
  return walk.size() > 4 * kNodes ? plan::subwalk(walk, 0, kNodes) : walk;
}

template <class T>
void measure_polynomial(const Communicator& alone, Shape shape, plan::Rates& rates) {
  shape.rows = kSequence;
  for (int u = 0; u < shape.order; ++u) shape.key_rows[static_cast<std::size_t>(u)] = kSequence;
  SmallCase<T> c(shape);
  const plan::Walk walk = small_walk(shape.dim);
  polynomial::Moments moments;
  const double forward =
      best_seconds([&] { polynomial::forward<T>(alone, c.problem, walk, {}, c.operands, {}, c.output, &moments); });
  const double gradient = best_seconds([&] {
    polynomial::gradient<T>(alone, c.problem, walk, {}, c.operands, {}, {c.output.output, c.output.lse}, c.upstream,
                            c.gradients, &moments);
  });
  rates.polynomial_forward = plan::polynomial_forward_flops(c.problem, walk.features()) / forward;
  rates.polynomial_gradient = 2 * plan::polynomial_forward_flops(c.problem, walk.features()) / gradient;
}

/// Seconds of a sum of so many numbers, the best of a few: as many on every rank, for a sum takes all of them.
double sum_seconds(const Communicator& comm, std::vector<double>& values) {
  double best = std::numeric_limits<double>::infinity();
  for (int r = 0; r < kSums; ++r) {
    const double before = now();
    comm.sum(values.data(), static_cast<std::int64_t>(values.size()));
    best = std::min(best, now() - before);
  }
  return comm.max(best);
}

void measure_network(const Communicator& comm, plan::Rates& rates) {
  std::vector<double> one(1), many(1 << 16);
  rates.latency = sum_seconds(comm, one);
  rates.bandwidth = static_cast<double>(many.size() * sizeof(double)) / sum_seconds(comm, many);
}

}  // namespace

template <class T>
plan::Rates measure_rates(const Communicator& comm, const Problem& problem) {
  const Communicator alone(MPI_COMM_SELF);
  plan::Rates rates;
  Shape shape = problem.shape;
  shape.slices = 1;
  comm.agree([&] {
    measure_exact<T>(alone, shape, rates);
    measure_polynomial<T>(alone, shape, rates);
  });
  for (double* rate :
       {&rates.exact_forward, &rates.exact_gradient, &rates.polynomial_forward, &rates.polynomial_gradient})
    *rate = comm.min(*rate);
  rates.core_flops = rates.exact_forward / (sizeof(T) == 4 ? 2 : 1);  // planning is in double
  rates.latency = kLatency;
  rates.bandwidth = kBandwidth;
  if (comm.size() > 1) measure_network(comm, rates);
  return rates;
}

template plan::Rates measure_rates<float>(const Communicator&, const Problem&);
template plan::Rates measure_rates<double>(const Communicator&, const Problem&);

}  // namespace tattn::method
