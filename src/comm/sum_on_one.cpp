#include "comm/sum_on_one.hpp"

#include <algorithm>

#include "comm/mpi_error.hpp"

namespace tattn {

void sum_on_one(const Communicator& comm, double* values, std::int64_t count) {
  constexpr std::int64_t kMost = std::int64_t{1} << 27;  // below MPI's int counts
  for (std::int64_t at = 0; at < count; at += kMost) {
    const int part = static_cast<int>(std::min(kMost, count - at));
    TATTN_MPI(MPI_Reduce, comm.rank() == 0 ? MPI_IN_PLACE : values + at, values + at, part, MPI_DOUBLE, MPI_SUM, 0,
              comm.handle());
    TATTN_MPI(MPI_Bcast, values + at, part, MPI_DOUBLE, 0, comm.handle());
  }
  if (comm.size() > 1) comm.count_sent(count * static_cast<std::int64_t>(sizeof(double)));
}

}  // namespace tattn
