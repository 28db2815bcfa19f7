#include "support/scatter.hpp"

namespace tattn::test {
namespace {

void check(int code) {
  if (code != MPI_SUCCESS) throw std::runtime_error("an MPI call of the test failed");
}

}  // namespace

int rank_of(MPI_Comm comm) {
  int rank = 0;
  check(MPI_Comm_rank(comm, &rank));
  return rank;
}

int size_of_comm(MPI_Comm comm) {
  int size = 0;
  check(MPI_Comm_size(comm, &size));
  return size;
}

Matrix sum_over_ranks(MPI_Comm comm, const Matrix& mine) {
  Matrix all(mine.size());
  check(MPI_Allreduce(mine.data(), all.data(), static_cast<int>(mine.size()), MPI_DOUBLE, MPI_SUM, comm));
  return all;
}

RowRange cut_rows(Cut cut, std::int64_t rows, int ranks, int rank) {
  switch (cut) {
    case Cut::even:
      return even_range(rows, ranks, rank);
    case Cut::reversed:
      return even_range(rows, ranks, ranks - 1 - rank);
    case Cut::uneven: {  // borders grow with the square of the rank
      const auto border = [&](std::int64_t r) { return rows * r * r / (std::int64_t{ranks} * ranks); };
      return {border(rank), border(rank + 1)};
    }
    case Cut::last:
      return rank == ranks - 1 ? RowRange{0, rows} : RowRange{};
    case Cut::holes:  // every second rank has none
      return rank % 2 == 0 ? even_range(rows, (ranks + 1) / 2, rank / 2) : RowRange{rows, rows};
  }
  return {};
}

Cut cut_of(const How& how, int index) {
  return kCuts[(static_cast<std::size_t>(how.cut) + static_cast<std::size_t>(index)) % kCuts.size()];
}

Options options_of(const How& how) {
  Options options;
  options.method = how.method;
  options.threads = how.threads;
  options.features = how.features;
  options.reproducible = how.reproducible;
  return options;
}

}  // namespace tattn::test
