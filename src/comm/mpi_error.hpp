#pragma once
#include <mpi.h>

#include <stdexcept>

namespace tattn::comm {

/// A failed MPI call. Other ranks need not know of it, so it is no Error, which all ranks agree on: whoever
/// catches it must end the job.
class MpiError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws MpiError with the call's name and MPI's own message unless code is MPI_SUCCESS.
void check(int code, const char* call);

}  // namespace tattn::comm

/// Calls an MPI function and checks its return code.
#define TATTN_MPI(function, ...) ::tattn::comm::check(function(__VA_ARGS__), #function)
