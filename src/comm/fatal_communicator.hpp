#pragma once
#include <mpi.h>

#include "comm/communicator.hpp"

namespace tattn {

/// A duplicate for libraries that call MPI themselves and do not look at its return codes: an MPI call on it that
/// fails ends the job. Making and destroying it is collective.
class FatalCommunicator {
 public:
  explicit FatalCommunicator(const Communicator& parent);
  ~FatalCommunicator();
  FatalCommunicator(const FatalCommunicator&) = delete;
  FatalCommunicator& operator=(const FatalCommunicator&) = delete;

  [[nodiscard]] MPI_Comm handle() const { return handle_; }

 private:
  MPI_Comm handle_ = MPI_COMM_NULL;
};

}  // namespace tattn
