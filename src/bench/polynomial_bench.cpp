#include "bench/polynomial_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bench/attention_case.hpp"
#include "bench/pass_rate.hpp"
#include "comm/pending_sums.hpp"
#include "plan/flops.hpp"
#include "plan/grid.hpp"
#include "polynomial/polynomial.hpp"
#include "stopwatch.hpp"
#include "study/fit.hpp"

namespace tattn::bench {
namespace {

constexpr double kSpread = 0.3;

/// Seconds that the ranks wait for sums in `pass`, each time from the arrival of the last rank: before it, they
/// wait for that rank and not for the network. Compares the clocks of the ranks, so they must be those of one node.
double exposed_seconds(const Communicator& comm, const std::function<void()>& pass) {
  std::vector<PendingSums::Wait> waits;
  PendingSums::record_waits(&waits);
  pass();
  PendingSums::record_waits(nullptr);
  double seconds = 0;
  for (const PendingSums::Wait& wait : waits) seconds += comm.max(wait.done) - comm.max(wait.arrived);
  return seconds;
}

/// Prints how much of the time that `matrices` sums of moments take by themselves a pass hides behind its work, by
/// the medians over the repeats.
void print_hidden(const Communicator& comm, const PolynomialCase& which, const char* name, int matrices,
                  const std::function<void()>& pass) {
  if (comm.size() == 1) return;
  std::vector<double> sums(static_cast<std::size_t>(matrices * which.features * (which.dim + 1)));
  std::vector<double> alone, exposed;
  for (int r = 0; r < which.repeats; ++r) {
    comm.barrier();
    alone.push_back(comm.max(timed([&] { comm.sum(sums.data(), static_cast<std::int64_t>(sums.size())); })));
    comm.barrier();
    exposed.push_back(exposed_seconds(comm, pass));
  }
  const double by_itself = study::median(alone), seen = study::median(exposed);
  if (comm.rank() == 0)
    fmt::print("    {} sums {:.2f} MB: {:.3f} ms alone, {:.3f} ms waited for, {:.0f} % hidden\n", name,
               static_cast<double>(sums.size() * sizeof(double)) * 1e-6, by_itself * 1e3, seen * 1e3,
               100 * std::max(0.0, 1 - seen / by_itself));
}

template <class T>
void run(const Communicator& comm, const PolynomialCase& which) {
  AttentionCase<T> c(comm, which.rows, which.dim, kSpread);
  const plan::Walk walk = plan::first_monomials(which.dim, which.features);
  const plan::Grid grid = plan::default_grid(c.problem.shape, comm.size());
  Options options;
  options.threads = which.threads;
  const auto rate = [&](const char* name, double flops, const std::function<void()>& pass) {
    print_rate<T>(comm, fmt::format("polynomial {:14} n={} d={} r={}", name, which.rows, which.dim, which.features),
                  which.threads, flops, time_pass<T>(comm, which.repeats, pass));
  };
  const double forward_flops = plan::polynomial_forward_flops(c.problem, which.features);
  polynomial::Moments moments;
  const auto forward = [&] {
    polynomial::forward<T>(comm, c.problem, walk, grid, c.operands, options, c.output(), &moments);
  };
  rate("forward", forward_flops, forward);
  print_hidden(comm, which, "forward", c.problem.shape.order, forward);
  const auto gradient = [&](const polynomial::Moments* kept) {
    polynomial::gradient<T>(comm, c.problem, walk, grid, c.operands, options, c.made(), c.upstream(), c.gradients(),
                            kept);
  };
  rate("gradient", 2 * forward_flops, [&] { gradient(&moments); });
  print_hidden(comm, which, "gradient", 1, [&] { gradient(&moments); });
  rate("gradient alone", 2 * forward_flops, [&] { gradient(nullptr); });
}

}  // namespace

void polynomial_benchmark(const Communicator& comm, const PolynomialCase& which) {
  run<float>(comm, which);
  run<double>(comm, which);
}

}  // namespace tattn::bench
