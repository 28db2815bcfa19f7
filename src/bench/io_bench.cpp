#include "bench/io_bench.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "comm/mpi_error.hpp"
#include "io/result_file.hpp"
#include "stopwatch.hpp"
#include "tattn/error.hpp"

namespace tattn::bench {
namespace {

constexpr std::int64_t kColumns = 64;

/// Largest time over the ranks, from when all are there.
double seconds(const Communicator& comm, const std::function<void()>& step) {
  comm.barrier();
  return comm.max(timed(step));
}

void write_result(const Communicator& comm, const std::string& path, std::int64_t rows, RowRange mine,
                  const std::vector<float>& data) {
  io::ResultFile file(comm, path, true);
  file.dataset("O", {}, rows, kColumns, mine, data.data());
  file.commit();
}

void write_plainly(const Communicator& comm, const std::string& path, RowRange mine,
                   const std::vector<float>& data) {
  MPI_File file = MPI_FILE_NULL;
  TATTN_MPI(MPI_File_open, comm.handle(), path.c_str(), MPI_MODE_CREATE | MPI_MODE_WRONLY, MPI_INFO_NULL, &file);
  TATTN_MPI(MPI_File_set_size, file, 0);
  const MPI_Offset at = mine.begin * kColumns * static_cast<MPI_Offset>(sizeof(float));
  TATTN_MPI(MPI_File_write_at_all, file, at, data.data(), static_cast<int>(data.size()), MPI_FLOAT,
            MPI_STATUS_IGNORE);
  TATTN_MPI(MPI_File_sync, file);
  TATTN_MPI(MPI_File_close, &file);
}

void remove(const Communicator& comm, const std::string& path) {
  if (comm.rank() == 0) unlink(path.c_str());
  comm.barrier();
}

}  // namespace

int io_benchmark(const Communicator& comm, const std::string& folder, std::int64_t entries, int repeats) {
  const std::int64_t rows = std::max<std::int64_t>(1, entries / kColumns);
  const RowRange mine = even_range(rows, comm.size(), comm.rank());
  if (rows / comm.size() >= std::numeric_limits<int>::max() / kColumns)
    throw Error(Status::usage, "the plain write counts in int: at most 8 GB a rank, use more ranks");
  std::vector<float> data(static_cast<std::size_t>(mine.size() * kColumns));
  std::iota(data.begin(), data.end(), static_cast<float>(comm.rank()));

  const std::string result_path = folder + "/tattn-bench.h5", plain_path = folder + "/tattn-bench.raw";
  double result = std::numeric_limits<double>::infinity(), plain = result;
  for (int turn = 0; turn < repeats;
       ++turn) {  // new files in each turn: freeing an old one's blocks takes time too
    plain = std::min(plain, seconds(comm, [&] { write_plainly(comm, plain_path, mine, data); }));
    remove(comm, plain_path);
    result = std::min(result, seconds(comm, [&] { write_result(comm, result_path, rows, mine, data); }));
    remove(comm, result_path);
  }
  if (comm.rank() == 0) {
    const double gigabytes = static_cast<double>(rows * kColumns) * sizeof(float) * 1e-9;
    fmt::print(
        "write and flush {:.3f} GB, {} ranks: result file {:.3f} GB/s, plain MPI-IO {:.3f} GB/s, share {:.0f} %\n",
        gigabytes, comm.size(), gigabytes / result, gigabytes / plain, 100 * plain / result);
  }
  return 0;
}

}  // namespace tattn::bench
