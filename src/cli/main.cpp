// tattn: one command a run, alone or under mpirun. Every rank leaves with the same exit status.
#include <fmt/format.h>
#include <mpi.h>

#include <csignal>
#include <cstdio>

#include "cli/command_line.hpp"
#include "cli/log.hpp"
#include "comm/communicator.hpp"
#include "io/open_library.hpp"
#include "tattn/error.hpp"

namespace {

int run(int argc, char** argv, const tattn::Communicator& comm) {
  try {
    tattn::cli::start_log(comm.rank() == 0);
    tattn::cli::parse_command_line(argc, argv)(comm);
    return static_cast<int>(tattn::Status::done);
  } catch (const tattn::Error& error) {  // agreed on by all ranks
    if (comm.rank() == 0) {
      tattn::cli::log_error(error.what());
      fmt::print(stderr, "tattn: error: {}\n", error.what());
    }
    return static_cast<int>(error.status());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of a file's size fails, and is told as such
  tattn::io::open_without_cleanup();
  const tattn::MpiSession session(&argc, &argv);
  try {
    const tattn::Communicator comm(MPI_COMM_WORLD);
    return run(argc, argv, comm);
  } catch (const std::bad_alloc&) {
    tattn::abort_job("out of memory: use more ranks, or fewer ranks on a node", 1);
  } catch (const std::exception& error) {
    tattn::abort_job(error.what(), 1);
  }
}
