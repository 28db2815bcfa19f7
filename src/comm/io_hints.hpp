#pragma once
#include <mpi.h>

#include <string>
#include <utility>
#include <vector>

namespace tattn {

/// Keys and values for MPI-IO.
using IoHints = std::vector<std::pair<std::string, std::string>>;

/// "striping_factor=8,cb_nodes=4": keys and values that MPI takes, each key once. Throws Error(Status::usage).
/// Pure.
[[nodiscard]] IoHints parse_io_hints(const std::string& text);

/// Every file that this process opens from now on is opened with these; the same on every rank. Not collective.
void set_io_hints(IoHints hints);

/// The hints as MPI has them; MPI_INFO_NULL where there are none.
class IoInfo {
 public:
  IoInfo();
  ~IoInfo();
  IoInfo(const IoInfo&) = delete;
  IoInfo& operator=(const IoInfo&) = delete;
  [[nodiscard]] MPI_Info handle() const { return handle_; }

 private:
  MPI_Info handle_ = MPI_INFO_NULL;
};

}  // namespace tattn
