#pragma once
#include <mpi.h>

#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn {

/// Sums of arrays over the ranks that go on while this rank computes.
///
///     start(a)   compute, advance(), compute, start(b)   compute, advance()   wait()   a and b are sums
class PendingSums {
 public:
  /// `comm` outlives the sums.
  explicit PendingSums(const Communicator& comm) : comm_(comm) {}
  ~PendingSums() { finish(); }
  PendingSums(const PendingSums&) = delete;
  PendingSums& operator=(const PendingSums&) = delete;

  /// values[x] = sum over the ranks of values[x], by the next wait(); nobody may touch them until then. Collective:
  /// every rank starts sums of the same counts in the same order, but need not be there at the same time.
  void start(double* values, std::int64_t count);

  /// Lets MPI work on the sums for a moment. From the thread that calls MPI; not collective. What goes wrong is
  /// thrown by wait(): threads may not throw.
  void advance() noexcept;

  /// Returns when all sums are there.
  void wait();

  /// The same where nothing may be thrown: before arrays go away whose sums may be under way.
  void finish() noexcept;

  /// When a rank began and ended a wait(), in seconds of a clock that all processes of a node share.
  struct Wait {
    double arrived, done;
  };

  /// Every wait() of this process from now on is added to `into`, until it is null again. For measurements.
  static void record_waits(std::vector<Wait>* into);

 private:
  const Communicator& comm_;
  std::vector<MPI_Request> requests_;  ///< in the order of their start
  std::size_t done_ = 0;               ///< so many of them are complete
  int code_ = MPI_SUCCESS;             ///< of the first call that failed in advance()
};

}  // namespace tattn
