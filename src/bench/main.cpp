// tattn-bench: how fast is it, as a share of what this machine can do, measured in the same run?
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "bench/exact_bench.hpp"
#include "bench/io_bench.hpp"
#include "bench/polynomial_bench.hpp"
#include "method/gemm_rate.hpp"
#include "tattn/error.hpp"

namespace {

int run(int argc, char** argv) {
  CLI::App app("Kernel and file benchmarks, as shares of sgemm, dgemm and plain MPI-IO of the same run");
  app.require_subcommand(1);

  std::vector<std::int64_t> rows{512}, dims{8, 16, 64};
  int threads = 1, repeats = 3;
  CLI::App* exact = app.add_subcommand("exact", "the exact forward and gradient passes");
  exact->add_option("--rows", rows, "rows of Q, K1 and K2")->delimiter(',')->capture_default_str();
  exact->add_option("--dim", dims, "key and value dim")->delimiter(',')->capture_default_str();
  exact->add_option("--threads", threads, "OpenMP threads a rank")->capture_default_str();
  exact->add_option("--repeats", repeats, "the best of so many runs counts")->capture_default_str();

  std::int64_t features = 1000, sequence = 65536, dim = 16;
  CLI::App* polynomial = app.add_subcommand("polynomial", "the polynomial forward and gradient passes");
  polynomial->add_option("--rows", sequence, "rows of Q, K1 and K2")->capture_default_str();
  polynomial->add_option("--dim", dim, "key and value dim")->capture_default_str();
  polynomial->add_option("--features", features, "monomials")->capture_default_str();
  polynomial->add_option("--threads", threads, "OpenMP threads a rank")->capture_default_str();
  polynomial->add_option("--repeats", repeats, "the best of so many runs counts")->capture_default_str();

  std::string folder = ".";
  std::int64_t entries = std::int64_t{1} << 26;
  CLI::App* io = app.add_subcommand("io", "writing a result file beside a plain MPI-IO write");
  io->add_option("--folder", folder, "where to write")->capture_default_str();
  io->add_option("--entries", entries, "floats to write")->capture_default_str();
  io->add_option("--repeats", repeats, "the best of so many runs counts")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const tattn::Communicator comm(MPI_COMM_WORLD);
  if (*io) return tattn::bench::io_benchmark(comm, folder, entries, repeats);
  if (const std::string advice = tattn::method::gemm_advice(); !advice.empty() && comm.rank() == 0)
    fmt::print(stderr, "tattn-bench: {}\n", advice);
  if (*polynomial) {
    tattn::bench::polynomial_benchmark(comm, {sequence, dim, features, threads, repeats});
    return 0;
  }
  for (const std::int64_t n : rows)
    for (const std::int64_t d : dims) tattn::bench::exact_benchmark(comm, {n, d, threads, repeats});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const tattn::MpiSession session(&argc, &argv);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    tattn::abort_job(error.what(), static_cast<int>(tattn::Status::failed));
  }
}
