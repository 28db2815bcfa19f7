#include "bench/exact_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "bench/gemm_rate.hpp"
#include "plan/flops.hpp"
#include "tattn/attention.hpp"

namespace tattn::bench {
namespace {

template <class T>
std::vector<T> normal_rows(std::int64_t entries, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(static_cast<std::size_t>(entries));
  for (T& value : values) value = static_cast<T>(normal(random));
  return values;
}

/// This rank's rows of everything a pass takes and gives.
template <class T>
struct Case {
  Case(const Communicator& comm, const ExactCase& which)
      : rows(even_range(which.rows, comm.size(), comm.rank())), size(rows.size() * which.dim) {
    const auto make = [&](unsigned id) { return normal_rows<T>(size, id * 1000 + static_cast<unsigned>(comm.rank())); };
    for (unsigned id = 0; id < 6; ++id) in.push_back(make(id));
    for (int id = 0; id < 6; ++id) out.emplace_back(static_cast<std::size_t>(size));
    lse.resize(static_cast<std::size_t>(rows.size()));
    problem.shape = {2, 1, which.rows, {which.rows, which.rows}, which.dim, which.dim};
    problem.scale = 1.0 / static_cast<double>(which.dim);
    operands.query = {in[0].data(), rows};
    for (std::size_t u = 0; u < 2; ++u) {
      operands.key[u] = {in[1 + u].data(), rows};
      operands.value[u] = {in[3 + u].data(), rows};
    }
  }

  RowRange rows;
  std::int64_t size;
  std::vector<std::vector<T>> in, out;
  std::vector<T> lse;
  Problem problem;
  Operands<T> operands;
};

void print(const Communicator& comm, const char* type, const ExactCase& which, const char* pass, double flops,
           double seconds, double gemm) {
  if (comm.rank() != 0) return;
  const double rate = flops / seconds, peak = gemm * comm.size() * which.threads;
  fmt::print("{} exact {:8} n={} d={} ranks={} threads={}: {:8.3f} s {:7.1f} GF/s {:4.0f} % of {} ({:.1f} GF/s a core)\n",
             type, pass, which.rows, which.dim, comm.size(), which.threads, seconds, rate * 1e-9, 100 * rate / peak,
             type[1] == '3' ? "sgemm" : "dgemm", gemm * 1e-9);
}

/// Shortest time over the repeats of the largest over the ranks, between two measurements of gemm.
template <class T>
std::pair<double, double> timed(const Communicator& comm, const ExactCase& which, const std::function<void()>& pass) {
  double gemm = gemm_rate<T>(2), seconds = 1e300;
  for (int r = 0; r < which.repeats; ++r) {
    comm.barrier();
    seconds = std::min(seconds, comm.max(best_seconds(1, pass)));
    gemm = std::max(gemm, gemm_rate<T>(1));
  }
  return {seconds, comm.max(gemm)};
}

template <class T>
void run(const Communicator& comm, const ExactCase& which, const char* type) {
  Case<T> c(comm, which);
  Options options;
  options.threads = which.threads;
  const Output<T> out{c.out[0].data(), c.lse.data()};
  const auto [forward_seconds, forward_gemm] =
      timed<T>(comm, which, [&] { forward<T>(comm.handle(), c.problem, c.operands, options, out); });
  print(comm, type, which, "forward", plan::exact_forward_flops(c.problem), forward_seconds, forward_gemm);
  const Gradients<T> gradients{c.out[1].data(), {c.out[2].data(), c.out[3].data()}, {c.out[4].data(), c.out[5].data()}};
  const auto [gradient_seconds, gradient_gemm] = timed<T>(comm, which, [&] {
    gradient<T>(comm.handle(), c.problem, c.operands, options, {out.output, out.lse}, c.in[5].data(), gradients);
  });
  print(comm, type, which, "gradient", plan::exact_gradient_flops(c.problem), gradient_seconds, gradient_gemm);
}

}  // namespace

void exact_benchmark(const Communicator& comm, const ExactCase& which) {
  run<float>(comm, which, "f32");
  run<double>(comm, which, "f64");
}

}  // namespace tattn::bench
