#include "comm/mpi_error.hpp"

#include <string>

namespace tattn::comm {

double InCall::total = 0;

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw MpiError(std::string(call) + ": " + text);
}

}  // namespace tattn::comm
