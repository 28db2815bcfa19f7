#include "comm/mpi_error.hpp"

#include <string>

#include "tattn/error.hpp"

namespace tattn::comm {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(Status::failed, std::string(call) + ": " + text);
}

}  // namespace tattn::comm
