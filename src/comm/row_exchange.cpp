#include "comm/row_exchange.hpp"

#include <cstring>

#include "comm/mailbox.hpp"

namespace tattn {

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
