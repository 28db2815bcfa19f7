#include "bench/polynomial_bench.hpp"

#include <fmt/format.h>

#include "bench/attention_case.hpp"
#include "bench/pass_rate.hpp"
#include "plan/flops.hpp"
#include "polynomial/polynomial.hpp"

namespace tattn::bench {
namespace {

constexpr double kSpread = 0.3;

/// The first `features` nodes of the smallest full walk that has so many.
plan::Walk first_monomials(std::int64_t dim, std::int64_t features) {
  int degree = 0;
  for (auto size = plan::full_walk_size(dim, degree); size && *size < features;
       size = plan::full_walk_size(dim, degree))
    ++degree;
  return plan::full_subwalk(dim, degree, 0, features);
}

template <class T>
void run(const Communicator& comm, const PolynomialCase& which) {
  AttentionCase<T> c(comm, which.rows, which.dim, kSpread);
  const plan::Walk walk = first_monomials(which.dim, which.features);
  const plan::Grid grid = plan::default_grid(c.problem.shape, comm.size());
  Options options;
  options.threads = which.threads;
  const auto rate = [&](const char* name, double flops, const std::function<void()>& pass) {
    print_rate<T>(comm, fmt::format("polynomial {:14} n={} d={} r={}", name, which.rows, which.dim, which.features),
                  which.threads, flops, time_pass<T>(comm, which.repeats, pass));
  };
  const double forward_flops = plan::polynomial_forward_flops(c.problem, which.features);
  polynomial::Moments moments;
  rate("forward", forward_flops,
       [&] { polynomial::forward<T>(comm, c.problem, walk, grid, c.operands, options, c.output(), &moments); });
  const auto gradient = [&](const polynomial::Moments* kept) {
    polynomial::gradient<T>(comm, c.problem, walk, grid, c.operands, options, c.made(), c.upstream(), c.gradients(),
                            kept);
  };
  rate("gradient", 2 * forward_flops, [&] { gradient(&moments); });
  rate("gradient alone", 2 * forward_flops, [&] { gradient(nullptr); });
}

}  // namespace

void polynomial_benchmark(const Communicator& comm, const PolynomialCase& which) {
  run<float>(comm, which);
  run<double>(comm, which);
}

}  // namespace tattn::bench
