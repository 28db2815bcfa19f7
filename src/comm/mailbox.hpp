#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/mpi_error.hpp"
#include "tattn/problem.hpp"

namespace tattn {

/// `mine` of every rank. Collective.
[[nodiscard]] inline std::vector<RowRange> gather_ranges(const Communicator& comm, RowRange mine) {
  const auto begins = comm.gather_all(mine.begin), ends = comm.gather_all(mine.end);
  std::vector<RowRange> all(begins.size());
  for (std::size_t r = 0; r < all.size(); ++r) all[r] = {begins[r], ends[r]};
  return all;
}

/// Non-blocking messages under way; large ones are split. Between two ranks they arrive in the order of sending.
class Mailbox {
 public:
  explicit Mailbox(const Communicator& comm) : comm_(comm) {}

  template <class T>
  void send(const T* data, std::int64_t count, int to) {
    comm_.count_sent(count * static_cast<std::int64_t>(sizeof(T)));
    pieces(const_cast<T*>(data), count, [&](void* at, int bytes, MPI_Request* request) {
      TATTN_MPI(MPI_Isend, at, bytes, MPI_BYTE, to, kTag, comm_.handle(), request);
    });
  }

  template <class T>
  void receive(T* data, std::int64_t count, int from) {
    pieces(data, count, [&](void* at, int bytes, MPI_Request* request) {
      TATTN_MPI(MPI_Irecv, at, bytes, MPI_BYTE, from, kTag, comm_.handle(), request);
    });
  }

  void wait() {
    TATTN_MPI(MPI_Waitall, static_cast<int>(requests_.size()), requests_.data(), MPI_STATUSES_IGNORE);
    requests_.clear();
  }

 private:
  static constexpr std::int64_t kMessageBytes = std::int64_t{1} << 30;  // below MPI's int counts
  static constexpr int kTag = 7;

  template <class T, class Post>
  void pieces(T* data, std::int64_t count, const Post& post) {
    auto* at = reinterpret_cast<char*>(data);
    for (std::int64_t left = count * static_cast<std::int64_t>(sizeof(T)); left > 0; left -= kMessageBytes) {
      requests_.push_back(MPI_REQUEST_NULL);
      post(at, static_cast<int>(std::min(left, kMessageBytes)), &requests_.back());
      at += kMessageBytes;
    }
  }

  const Communicator& comm_;
  std::vector<MPI_Request> requests_;
};

}  // namespace tattn
