#pragma once
#include <csignal>

#include "comm/communicator.hpp"

namespace tattn {

/// While it lives SIGTERM and SIGUSR1 (what a batch system sends ahead of its time limit) end nothing: they are
/// remembered, for the program to stop where it can be resumed. The handlers of before come back afterwards.
/// One at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Whether this rank was signalled so far; other ranks may be later. Not collective.
  [[nodiscard]] bool requested() const;

  /// Whether any rank of `comm` was signalled when it called this, the same on every rank. Collective.
  [[nodiscard]] bool requested(const Communicator& comm) const { return !comm.all(!requested()); }

 private:
  struct sigaction terminate_ {};
  struct sigaction user_ {};
};

}  // namespace tattn
