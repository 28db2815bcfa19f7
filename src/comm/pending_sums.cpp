#include "comm/pending_sums.hpp"

#include <algorithm>
#include <chrono>

#include "comm/mpi_error.hpp"

namespace tattn {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 27;  // below MPI's int counts
std::vector<PendingSums::Wait>* record = nullptr;

/// Not MPI_Wtime, which may count from each rank's own start.
double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void PendingSums::finish() noexcept {
  MPI_Waitall(static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  requests_.clear();
  done_ = 0;
}

void PendingSums::start(double* values, std::int64_t count) {
  if (comm_.size() == 1) return;
  for (std::int64_t at = 0; at < count; at += kMost) {
    requests_.push_back(MPI_REQUEST_NULL);
    TATTN_MPI(MPI_Iallreduce, MPI_IN_PLACE, values + at, static_cast<int>(std::min(kMost, count - at)), MPI_DOUBLE,
              MPI_SUM, comm_.handle(), &requests_.back());
  }
  comm_.count_sent(count * static_cast<std::int64_t>(sizeof(double)));
}

void PendingSums::advance() noexcept {
  int complete = 1;
  while (complete != 0 && done_ < requests_.size() && code_ == MPI_SUCCESS) {
    code_ = MPI_Test(&requests_[done_], &complete, MPI_STATUS_IGNORE);
    if (complete != 0) ++done_;
  }
}

void PendingSums::wait() {
  comm::check(code_, "MPI_Test");
  const double arrived = now();
  TATTN_MPI(MPI_Waitall, static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
  if (record != nullptr) record->push_back({arrived, now()});
  requests_.clear();
  done_ = 0;
}

void PendingSums::record_waits(std::vector<Wait>* into) {
  record = into;
}

}  // namespace tattn
