#pragma once
#include <mpi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tattn {

/// An own duplicate of a communicator, so that no message of ours meets one of the caller's.
/// Move-only; frees the duplicate when destroyed. Unless it says otherwise each member is collective.
class Communicator {
 public:
  explicit Communicator(MPI_Comm parent);  ///< duplicates `parent`
  ~Communicator();
  Communicator(Communicator&& other) noexcept;
  Communicator& operator=(Communicator&&) = delete;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] int rank() const { return rank_; }           ///< not collective
  [[nodiscard]] int size() const { return size_; }           ///< not collective
  [[nodiscard]] MPI_Comm handle() const { return handle_; }  ///< not collective

  /// Payload bytes this rank has put into row exchanges and sums of arrays so far. Not collective.
  [[nodiscard]] std::int64_t bytes_sent() const { return bytes_sent_; }
  /// The same over all communicators this process has had. Not collective.
  [[nodiscard]] static std::int64_t bytes_sent_by_process();
  void count_sent(std::int64_t bytes) const;
  /// Seconds that this process has been inside of MPI calls, waiting for others included. Not collective.
  [[nodiscard]] static double mpi_seconds_by_process();

  /// The ranks that give the same `colour`, at least 0, in the order they have here. Collective.
  [[nodiscard]] Communicator split(int colour) const;

  /// Ranks that share this rank's node (shared memory).
  [[nodiscard]] int ranks_on_node() const;
  /// Cores that these ranks may run on, all together. Collective.
  [[nodiscard]] int cores_on_node() const;

  void barrier() const;
  /// A barrier for ranks that have long to wait: they sleep in between and leave their cores to others.
  void barrier_asleep() const;
  [[nodiscard]] std::vector<std::int64_t> gather_all(std::int64_t value) const;  ///< by rank
  [[nodiscard]] std::int64_t sum(std::int64_t value) const;
  [[nodiscard]] std::int64_t max(std::int64_t value) const;
  [[nodiscard]] std::int64_t min(std::int64_t value) const;
  [[nodiscard]] double max(double value) const;
  [[nodiscard]] double min(double value) const;
  /// Sum in rank order, the same bits on every rank and run after run.
  [[nodiscard]] double sum(double value) const;
  [[nodiscard]] bool all(bool value) const;
  /// values[x] = sum over the ranks of values[x]; the same `count` on every rank.
  void sum(double* values, std::int64_t count) const;
  [[nodiscard]] std::string broadcast(const std::string& text, int root = 0) const;

  /// Runs `step` on every rank; when it throws Error (or std::bad_alloc) on any of them, every rank
  /// throws the error of the lowest such rank. `step` itself must not communicate.
  void agree(const std::function<void()>& step) const;

 private:
  Communicator() = default;
  void take_place();                        // of handle_, which is ours
  [[nodiscard]] Communicator node() const;  ///< the ranks of this rank's node

  MPI_Comm handle_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  mutable std::int64_t bytes_sent_ = 0;
};

/// MPI_Init_thread and MPI_Finalize, once a program. main owns one.
class MpiSession {
 public:
  MpiSession(int* argc, char*** argv);
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

/// For an error that only this rank knows of: prints "tattn: error: <message>" once and ends the
/// whole job with `status`.
[[noreturn]] void abort_job(const std::string& message, int status);

}  // namespace tattn
