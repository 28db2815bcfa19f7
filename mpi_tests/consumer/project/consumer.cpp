// A program outside the project: its own communicator, its own rows in memory, no files. The values are
// arranged so that the answer is known: all values of V_u are u + 2, so every output is their product.
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

/// Largest error of this rank's outputs, which should all be 2 * 3.
double largest_error(MPI_Comm comm) {
  int rank = 0, size = 1;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  const tattn::Problem problem{{2, 1, kRows, {kRows, kRows}, kDim, kValueDim}, 1.0 / kDim, false};
  const tattn::RowRange mine = tattn::even_range(kRows, size, rank);

  const auto query = rows_of(mine, 0);
  tattn::Operands<double> operands;
  operands.query = {query.data(), mine};
  std::vector<std::vector<double>> keys, values;
  for (int u = 0; u < 2; ++u) {
    keys.push_back(rows_of(mine, u + 1));
    values.emplace_back(static_cast<std::size_t>(mine.size() * kValueDim), u + 2.0);
    operands.key[static_cast<std::size_t>(u)] = {keys.back().data(), mine};
    operands.value[static_cast<std::size_t>(u)] = {values.back().data(), mine};
  }

  std::vector<double> output(static_cast<std::size_t>(mine.size() * kValueDim));
  std::vector<double> lse(static_cast<std::size_t>(mine.size()));
  tattn::forward<double>(comm, problem, operands, tattn::Options{}, {output.data(), lse.data()});

  double worst = 0;
  for (const double o : output) worst = std::fmax(worst, std::fabs(o - 6));
  for (const double x : lse)  // |s| <= 1, so log(121) - 1 <= LSE <= log(121) + 1
    if (std::fabs(x - std::log(static_cast<double>(kRows * kRows))) > 1) worst = HUGE_VAL;
  return worst;
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
  } catch (const tattn::Error& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    mine = HUGE_VAL;
  }
  MPI_Allreduce(&mine, &worst, 1, MPI_DOUBLE, MPI_MAX, comm);
  MPI_Comm_free(&comm);
  MPI_Finalize();
  // A mean of equal numbers: one rounding for each of the 121 terms of numerator and denominator.
  const double tolerance = 6 * 2 * kRows * kRows * std::numeric_limits<double>::epsilon();
  if (rank == 0) std::printf("tattn %s: largest error %.1e, tolerance %.1e\n", TATTN_VERSION, worst, tolerance);
  return worst <= tolerance ? 0 : 1;
}
