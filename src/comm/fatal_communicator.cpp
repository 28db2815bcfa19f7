#include "comm/fatal_communicator.hpp"

#include "comm/mpi_error.hpp"

namespace tattn {

FatalCommunicator::FatalCommunicator(const Communicator& parent) {
  TATTN_MPI(MPI_Comm_dup, parent.handle(), &handle_);
  TATTN_MPI(MPI_Comm_set_errhandler, handle_, MPI_ERRORS_ARE_FATAL);
}

FatalCommunicator::~FatalCommunicator() {
  if (handle_ != MPI_COMM_NULL) MPI_Comm_free(&handle_);
}

}  // namespace tattn
