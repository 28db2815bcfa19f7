// A program outside the project: its own communicator, its own rows in memory, no files. The values are arranged so
// that the answer is known: all values of V_u are u + 2, so every output is their product, and no key matters.
#include <mpi.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "tattn/attention.hpp"
#include "tattn/error.hpp"
#include "tattn/version.hpp"

namespace {

constexpr std::int64_t kRows = 11, kDim = 5, kValueDim = 3;

/// `rows` of a made-up matrix; an entry depends on its place only, so however it is cut it is the same.
std::vector<double> rows_of(tattn::RowRange rows, int matrix) {
  std::vector<double> entries;
  for (std::int64_t i = rows.begin; i < rows.end; ++i)
    for (std::int64_t l = 0; l < kDim; ++l) entries.push_back(std::sin(static_cast<double>(i * kDim + l + matrix)));
  return entries;
}

double largest(const std::vector<double>& entries, double expected) {
  double worst = 0;
  for (const double x : entries) worst = std::fmax(worst, std::fabs(x - expected));
  return worst;
}

/// Output and gradients of order-2 attention; the largest error of this rank's results.
double largest_error(MPI_Comm comm) {
  int rank = 0, size = 1;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);

  // What is computed: order 2, one slice, so many rows of Q, K1 and K2, dims, and the factor of the scores.
  const tattn::Problem problem{{2, 1, kRows, {kRows, kRows}, kDim, kValueDim}, 1.0 / kDim, false};

  // This rank's rows of every operand. Each matrix may be cut in its own way; over the ranks each row is there
  // once.
  const tattn::RowRange mine = tattn::even_range(kRows, size, rank);
  const auto inputs = static_cast<std::size_t>(mine.size() * kDim),
             values = static_cast<std::size_t>(mine.size() * kValueDim);
  const auto query = rows_of(mine, 0), key1 = rows_of(mine, 1), key2 = rows_of(mine, 2);
  const std::vector<double> value1(values, 2), value2(values, 3), upstream(values, 1);
  tattn::Operands<double> operands;
  operands.query = {query.data(), mine};
  operands.key = {{{key1.data(), mine}, {key2.data(), mine}}};
  operands.value = {{{value1.data(), mine}, {value2.data(), mine}}};

  // How: the fastest method that meets the tolerance. One plan for both passes, and what forward keeps for
  // gradient.
  tattn::Options options;
  options.tolerance = 1e-6;
  const tattn::Plan plan = tattn::make_plan<double>(comm, problem, operands, options, true);
  tattn::Kept kept;

  std::vector<double> output(values), lse(static_cast<std::size_t>(mine.size()));
  tattn::forward<double>(comm, problem, plan, operands, options, {output.data(), lse.data()}, &kept);

  // Gradients of sum(O * upstream), cut as their operands are.
  std::vector<double> d_query(inputs), d_key1(inputs), d_key2(inputs), d_value1(values), d_value2(values);
  const tattn::Gradients<double> gradients{
      d_query.data(), {d_key1.data(), d_key2.data()}, {d_value1.data(), d_value2.data()}};
  tattn::gradient<double>(comm, problem, plan, operands, options, {output.data(), lse.data()}, upstream.data(),
                          gradients, &kept);

  return std::fmax(largest(output, 6), std::fmax(largest(d_query, 0), largest(d_key1, 0)));
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  double mine = 0, worst = HUGE_VAL;
  try {
    mine = largest_error(comm);
  } catch (const tattn::Error& error) {  // the same on every rank
    if (rank == 0) std::fprintf(stderr, "consumer: %s\n", error.what());
    mine = HUGE_VAL;
  }
  MPI_Allreduce(&mine, &worst, 1, MPI_DOUBLE, MPI_MAX, comm);
  MPI_Comm_free(&comm);
  MPI_Finalize();
  // Means of equal numbers: a rounding for each of the 121 terms of numerator and denominator, in 6 products.
  const double tolerance = 6 * 6 * 2 * kRows * kRows * std::numeric_limits<double>::epsilon();
  if (rank == 0) std::printf("tattn %s: largest error %.1e, tolerance %.1e\n", TATTN_VERSION, worst, tolerance);
  return worst <= tolerance ? 0 : 1;
}
