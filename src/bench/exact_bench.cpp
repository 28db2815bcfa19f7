#include "bench/exact_bench.hpp"

#include <fmt/format.h>

#include "bench/attention_case.hpp"
#include "bench/pass_rate.hpp"
#include "plan/flops.hpp"
#include "tattn/attention.hpp"

namespace tattn::bench {
namespace {

template <class T>
void run(const Communicator& comm, const ExactCase& which) {
  AttentionCase<T> c(comm, which.rows, which.dim, 1.0);
  Options options;
  options.method = Method::exact;
  options.threads = which.threads;
  const auto rate = [&](const char* name, double flops, const std::function<void()>& pass) {
    print_rate<T>(comm, fmt::format("exact {:8} n={} d={}", name, which.rows, which.dim), which.threads, flops,
                  time_pass<T>(comm, which.repeats, pass));
  };
  rate("forward", plan::exact_forward_flops(c.problem),
       [&] { forward<T>(comm.handle(), c.problem, c.operands, options, c.output()); });
  rate("gradient", plan::exact_gradient_flops(c.problem),
       [&] { gradient<T>(comm.handle(), c.problem, c.operands, options, c.made(), c.upstream(), c.gradients()); });
}

}  // namespace

void exact_benchmark(const Communicator& comm, const ExactCase& which) {
  run<float>(comm, which);
  run<double>(comm, which);
}

}  // namespace tattn::bench
