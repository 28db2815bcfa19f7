#pragma once
#include <mpi.h>

#include <stdexcept>

#include "stopwatch.hpp"

namespace tattn::comm {

/// A failed MPI call. Other ranks need not know of it, so it is no Error, which all ranks agree on: whoever
/// catches it must end the job.
class MpiError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws MpiError with the call's name and MPI's own message unless code is MPI_SUCCESS.
void check(int code, const char* call);

/// While it lives its thread, the one that calls MPI, is inside of a call. No two live at a time.
class InCall {
 public:
  InCall() = default;
  ~InCall() { total += watch_.seconds(); }
  InCall(const InCall&) = delete;
  InCall& operator=(const InCall&) = delete;

  static double total;  ///< seconds of this process inside of MPI so far

 private:
  Stopwatch watch_;
};

}  // namespace tattn::comm

/// Calls an MPI function, checks its return code, and counts the time it takes.
#define TATTN_MPI(function, ...) \
  ::tattn::comm::check((static_cast<void>(::tattn::comm::InCall()), function(__VA_ARGS__)), #function)
