#include "bench/polynomial_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "bench/attention_case.hpp"
#include "bench/pass_rate.hpp"
#include "comm/pending_sums.hpp"
#include "plan/flops.hpp"
#include "plan/grid.hpp"
#include "polynomial/polynomial.hpp"
#include "stopwatch.hpp"

namespace tattn::bench {
namespace {

constexpr double kSpread = 0.3;

/// Prints how much of the time that `matrices` sums of moments take by themselves a pass hides behind its work.
void print_hidden(const Communicator& comm, const PolynomialCase& which, const char* name, int matrices,
                  const std::function<void()>& pass) {
  if (comm.size() == 1) return;
  std::vector<double> sums(static_cast<std::size_t>(matrices * which.features * (which.dim + 1)));
  double alone = std::numeric_limits<double>::infinity(), waited = alone;
  for (int r = 0; r < which.repeats; ++r) {
    comm.barrier();
    alone =
        std::min(alone, comm.max(timed([&] { comm.sum(sums.data(), static_cast<std::int64_t>(sums.size())); })));
    comm.barrier();
    const double before = PendingSums::seconds_waited_by_process();
    pass();
    // A rank that is late lets the others wait whatever the sums take: the one that waits least tells what they
    // take.
    waited = std::min(waited, comm.min(PendingSums::seconds_waited_by_process() - before));
  }
  if (comm.rank() == 0)
    fmt::print("    {} sums {:.2f} MB: {:.3f} ms alone, {:.3f} ms waited for, {:.0f} % hidden\n", name,
               static_cast<double>(sums.size() * sizeof(double)) * 1e-6, alone * 1e3, waited * 1e3,
               100 * std::max(0.0, 1 - waited / alone));
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
