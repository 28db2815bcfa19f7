#include "method/kernel_rates.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <functional>
#include <limits>
#include <vector>

#include "comm/row_exchange.hpp"
#include "exact/exact.hpp"
#include "kernels/exact.hpp"
#include "plan/flops.hpp"
#include "plan/monomial_walk.hpp"
#include "plan/random_normal.hpp"
#include "polynomial/polynomial.hpp"
#include "stopwatch.hpp"

namespace tattn::method {
namespace {

constexpr double kSeconds = 0.006;                   // at least so long a measurement
constexpr int kRuns = 3;                             // and so many runs: one may be disturbed
constexpr int kSums = 15;                            // over the ranks
constexpr double kLatency = 5e-6, kBandwidth = 5e9;  // assumed where one rank plans for many
constexpr std::int64_t kQueries = 64, kOuterRows = 16, kInnerRows = 384, kSequence = 4096, kEntries = 1 << 17,
                       kFeatures = 384;
constexpr int kDegree = 12;
constexpr std::size_t kFreshBytes = std::size_t{4} << 20;
constexpr int kCopies = 3;
constexpr double kSpread = 0.5;  // of the entries: scores and powers stay small

/// Of this thread: turns that others have on its core do not count.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The best of kRuns or more, as many as fit in kSeconds, after one that warms up.
double best_in_time(const std::function<void()>& run) {
  run();
  double best = std::numeric_limits<double>::infinity();
  const Stopwatch watch;
  for (int runs = 0; runs < kRuns || watch.seconds() < kSeconds; ++runs) {
    const double begin = processor_seconds();
    run();
    best = std::min(best, processor_seconds() - begin);
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
    RandomStream(1, "rates").normal({0, count}, kSpread, array.data());
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
  shape.rows = shape.order > 1 ? kQueries : kOuterRows * kQueries;
  shape.key_rows = {1, 1, 1, 1};
  shape.key_rows[static_cast<std::size_t>(shape.order - 1)] = kInnerRows;
  if (shape.order > 1) shape.key_rows[0] = kOuterRows;
  SmallCase<T> c(shape);
  const double forward = best_in_time([&] { exact::forward<T>(alone, c.problem, c.operands, {}, c.output); });
  const double gradient = best_in_time([&] {
    exact::gradient<T>(alone, c.problem, c.operands, {}, {c.output.output, c.output.lse}, c.upstream, c.gradients);
  });
  rates.exact_forward = plan::exact_forward_flops(c.problem) / forward;
  rates.exact_gradient = plan::exact_gradient_flops(c.problem) / gradient;
}

/// As many monomials as make the kernels run at their speed. Of low degree: with few columns high powers would
/// overflow.
plan::Walk measured_walk(std::int64_t dim) {
  return plan::first_monomials(dim, std::min(kFeatures, plan::full_walk_size(dim, kDegree).value_or(kFeatures)));
}

template <class T>
void measure_polynomial(const Communicator& alone, Shape shape, plan::Rates& rates) {
  shape.rows = std::clamp(kEntries / (shape.dim + shape.value_dim), kQueries, kSequence);
  shape.key_rows.fill(shape.rows);
  SmallCase<T> c(shape);
  const plan::Walk walk = measured_walk(shape.dim);
  polynomial::Moments moments;
  const double forward =
      best_in_time([&] { polynomial::forward<T>(alone, c.problem, walk, {}, c.operands, {}, c.output, &moments); });
  const double gradient = best_in_time([&] {
    polynomial::gradient<T>(alone, c.problem, walk, {}, c.operands, {}, {c.output.output, c.output.lse}, c.upstream,
                            c.gradients, &moments);
  });
  rates.polynomial_forward = plan::polynomial_forward_flops(c.problem, walk.features()) / forward;
  rates.polynomial_gradient = 2 * plan::polynomial_forward_flops(c.problem, walk.features()) / gradient;
}

/// Seconds of a sum of so many numbers, the best of a few: as many on every rank, for a sum takes all of them. Of
/// the rank that waits least: others may have waited for a core, which the cost model counts by itself.
double sum_seconds(const Communicator& comm, std::vector<double>& values) {
  const auto sum = [&] { comm.sum(values.data(), static_cast<std::int64_t>(values.size())); };
  return comm.min(best_seconds(kSums, sum));
}

/// Seconds in which every rank gets the next one's rows, the best of a few.
double exchange_seconds(const Communicator& comm, const std::vector<double>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto of = [&](std::int64_t rank) { return RowRange{rank * count, (rank + 1) * count}; };
  const Block<const double> mine{rows.data(), of(comm.rank())};
  const auto exchange = [&] { static_cast<void>(fetch_rows(comm, mine, of((comm.rank() + 1) % comm.size()), 1)); };
  return comm.max(best_seconds(kSums, exchange));
}

void measure_network(const Communicator& comm, plan::Rates& rates) {
  std::vector<double> one(1), many(1 << 16);
  const auto bytes = static_cast<double>(many.size() * sizeof(double));
  rates.latency = sum_seconds(comm, one);
  rates.bandwidth = bytes / sum_seconds(comm, many);
  rates.exchange = bytes / exchange_seconds(comm, many);
}

/// The slowest rank's.
void agree_on(const Communicator& comm, plan::Rates& rates) {
  for (double* rate :
       {&rates.exact_forward, &rates.exact_gradient, &rates.polynomial_forward, &rates.polynomial_gradient})
    *rate = comm.min(*rate);
}

Shape one_slice(Shape shape) {
  shape.slices = 1;
  return shape;
}

/// Bytes/s at which rows are copied into memory that the process has not had yet: the system has to find and clear
/// it, which takes longer than the copy. Zero where there is none.
double copy_rate() {
  const std::vector<char> rows(kFreshBytes, 1);
  double best = std::numeric_limits<double>::infinity();
  for (int r = 0; r < kCopies; ++r) {
    void* fresh = mmap(nullptr, kFreshBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED) return 0;
    best = std::min(best, timed([&] { std::memcpy(fresh, rows.data(), kFreshBytes); }));
    munmap(fresh, kFreshBytes);
  }
  return static_cast<double>(kFreshBytes) / best;
}

}  // namespace

template <class T>
plan::Rates measure_rates(const Communicator& comm, const Problem& problem, Method method) {
  const Communicator alone(MPI_COMM_SELF);
  plan::Rates rates;
  const Shape shape = one_slice(problem.shape);
  comm.agree([&] {
    if (method != Method::polynomial) measure_exact<T>(alone, shape, rates);
    if (method != Method::exact) measure_polynomial<T>(alone, shape, rates);
  });
  agree_on(comm, rates);
  rates.panel_rows = comm.max(kernels::panel_width<T>());
  rates.core_flops = rates.exact_forward / (sizeof(T) == 4 ? 2 : 1);  // planning is in double
  rates.latency = kLatency;
  rates.bandwidth = rates.exchange = kBandwidth;
  if (comm.size() == 1) return rates;
  measure_network(comm, rates);
  comm.barrier();
  if (const double copies = comm.min(copy_rate()); copies > 0) rates.copies = copies;
  rates.cores_a_rank = static_cast<double>(comm.cores_on_node()) / comm.ranks_on_node();
  return rates;
}

template <class T>
void add_polynomial_rates(const Communicator& comm, const Problem& problem, plan::Rates& rates) {
  const Communicator alone(MPI_COMM_SELF);
  comm.agree([&] { measure_polynomial<T>(alone, one_slice(problem.shape), rates); });
  agree_on(comm, rates);
}

template plan::Rates measure_rates<float>(const Communicator&, const Problem&, Method);
template plan::Rates measure_rates<double>(const Communicator&, const Problem&, Method);
template void add_polynomial_rates<float>(const Communicator&, const Problem&, plan::Rates&);
template void add_polynomial_rates<double>(const Communicator&, const Problem&, plan::Rates&);

}  // namespace tattn::method
