#pragma once
#include <mpi.h>

namespace tattn::comm {

/// Throws Error(Status::failed) with the call's name and MPI's own message unless code is MPI_SUCCESS.
void check(int code, const char* call);

}  // namespace tattn::comm

/// Calls an MPI function and checks its return code.
#define TATTN_MPI(function, ...) ::tattn::comm::check(function(__VA_ARGS__), #function)
