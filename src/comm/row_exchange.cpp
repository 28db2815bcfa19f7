#include "comm/row_exchange.hpp"

#include <algorithm>
#include <cstring>

#include "comm/mpi_error.hpp"

namespace tattn {
namespace {

constexpr std::int64_t kMessageBytes = std::int64_t{1} << 30;  // below MPI's int counts
constexpr int kTag = 7;

std::vector<RowRange> gather_ranges(const Communicator& comm, RowRange mine) {
  const auto begins = comm.gather_all(mine.begin), ends = comm.gather_all(mine.end);
  std::vector<RowRange> all(begins.size());
  for (std::size_t r = 0; r < all.size(); ++r) all[r] = {begins[r], ends[r]};
  return all;
}

/// Non-blocking messages under way; large ones are split.
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

}  // namespace

template <class T>
std::vector<T> fetch_rows(const Communicator& comm, Block<const T> mine, RowRange wanted, std::int64_t columns) {
  const auto owned = gather_ranges(comm, mine.rows), wants = gather_ranges(comm, wanted);
  std::vector<T> result(static_cast<std::size_t>(wanted.size() * columns));
  Mailbox mail(comm);
  for (int step = 0; step < comm.size(); ++step) {  // each rank starts at itself: no rank is flooded first
    const int peer = (comm.rank() + step) % comm.size();
    const RowRange in = intersect(owned[static_cast<std::size_t>(peer)], wanted);
    const RowRange out = intersect(mine.rows, wants[static_cast<std::size_t>(peer)]);
    T* to = result.data() + (in.begin - wanted.begin) * columns;
    const T* from = out.empty() ? nullptr : mine.data + (out.begin - mine.rows.begin) * columns;
    if (peer == comm.rank()) {
      if (!out.empty()) std::memcpy(to, from, static_cast<std::size_t>(out.size() * columns) * sizeof(T));
      continue;
    }
    if (!in.empty()) mail.receive(to, in.size() * columns, peer);
    if (!out.empty()) mail.send(from, out.size() * columns, peer);
  }
  mail.wait();
  return result;
}

template <class T>
void sum_rows(const Communicator& comm, const double* partial, RowRange held, Block<T> mine, std::int64_t columns) {
  const auto owned = gather_ranges(comm, mine.rows), holds = gather_ranges(comm, held);
  std::vector<std::vector<double>> arrived(static_cast<std::size_t>(comm.size()));
  Mailbox mail(comm);
  for (int step = 1; step < comm.size(); ++step) {
    const int peer = (comm.rank() + step) % comm.size();
    const RowRange in = intersect(mine.rows, holds[static_cast<std::size_t>(peer)]);
    const RowRange out = intersect(held, owned[static_cast<std::size_t>(peer)]);
    if (!in.empty()) {
      auto& piece = arrived[static_cast<std::size_t>(peer)];
      piece.resize(static_cast<std::size_t>(in.size() * columns));
      mail.receive(piece.data(), in.size() * columns, peer);
    }
    if (!out.empty()) mail.send(partial + (out.begin - held.begin) * columns, out.size() * columns, peer);
  }
  mail.wait();

  std::vector<double> total(static_cast<std::size_t>(mine.rows.size() * columns), 0.0);
  for (int peer = 0; peer < comm.size(); ++peer) {  // in rank order: the same bits every time
    const RowRange in = intersect(mine.rows, holds[static_cast<std::size_t>(peer)]);
    const double* from = peer == comm.rank() ? (in.empty() ? nullptr : partial + (in.begin - held.begin) * columns)
                                             : arrived[static_cast<std::size_t>(peer)].data();
    double* to = total.data() + (in.begin - mine.rows.begin) * columns;
    for (std::int64_t x = 0; x < in.size() * columns; ++x) to[x] += from[x];
  }
  for (std::size_t x = 0; x < total.size(); ++x) mine.data[x] = static_cast<T>(total[x]);
}

template std::vector<float> fetch_rows(const Communicator&, Block<const float>, RowRange, std::int64_t);
template std::vector<double> fetch_rows(const Communicator&, Block<const double>, RowRange, std::int64_t);
template void sum_rows(const Communicator&, const double*, RowRange, Block<float>, std::int64_t);
template void sum_rows(const Communicator&, const double*, RowRange, Block<double>, std::int64_t);

}  // namespace tattn
