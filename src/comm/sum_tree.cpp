#include "comm/sum_tree.hpp"

#include <algorithm>
#include <utility>

#include "comm/mailbox.hpp"
#include "comm/row_exchange.hpp"

namespace tattn {

void SumTree::add_last_two() {
  Entry last = std::move(entries_.back());
  entries_.pop_back();
  std::vector<double>& sums = entries_.back().sums;
  for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += last.sums[x];
}

void SumTree::add(plan::SumNode node, std::vector<double> sums) {
  entries_.push_back({node, std::move(sums)});
  while (entries_.size() > 1 && entries_.back().node.follows(entries_[entries_.size() - 2].node)) {
    const plan::SumNode parent = entries_.back().node.parent();
    add_last_two();
    entries_.back().node = parent;
  }
}

std::vector<double> SumTree::total() {
  while (entries_.size() > 1) add_last_two();
  return std::move(entries_.front().sums);
}

namespace {

/// Rows [slice * rows, (slice + 1) * rows) that lie within `wanted`.
RowRange rows_of_slice(std::int64_t slice, std::int64_t rows, RowRange wanted) {
  return intersect({slice * rows, (slice + 1) * rows}, wanted);
}

/// The nodes of all ranks, each with the rows that this rank wants of it.
std::vector<SumTree::Entry> exchange(const Communicator& comm, const SumTree& tree, RowRange units,
                                     std::int64_t count, std::int64_t rows, RowRange mine, std::int64_t columns) {
  const auto all_units = gather_ranges(comm, units), wanted = gather_ranges(comm, mine);
  std::vector<std::vector<SumTree::Entry>> arrived(static_cast<std::size_t>(comm.size()));
  Mailbox mail(comm);
  for (int step = 0; step < comm.size(); ++step) {
    const int peer = (comm.rank() + step) % comm.size();
    const auto at = static_cast<std::size_t>(peer);
    for (const plan::SumNode& node : plan::sum_nodes(all_units[at], count)) {
      const auto entries = static_cast<std::size_t>(rows_of_slice(node.slice, rows, mine).size() * columns);
      if (entries > 0) arrived[at].push_back({node, std::vector<double>(entries)});
    }
    auto next = arrived[at].begin();
    for (const SumTree::Entry& entry : tree.entries()) {
      const RowRange out = rows_of_slice(entry.node.slice, rows, wanted[at]);
      if (out.empty()) continue;
      const double* from = entry.sums.data() + (out.begin - entry.node.slice * rows) * columns;
      if (peer == comm.rank())
        std::copy_n(from, out.size() * columns, (next++)->sums.data());
      else
        mail.send(from, out.size() * columns, peer);
    }
    if (peer == comm.rank()) continue;
    for (SumTree::Entry& entry : arrived[at]) mail.receive(entry.sums.data(), std::ssize(entry.sums), peer);
  }
  mail.wait();
  std::vector<SumTree::Entry> together;
  for (auto& some : arrived) std::move(some.begin(), some.end(), std::back_inserter(together));
  return together;
}

}  // namespace

template <class T>
void sum_in_tree(const Communicator& comm, const SumTree& tree, RowRange units, std::int64_t count,
                 std::int64_t rows, Block<T> mine, std::int64_t columns) {
  std::vector<SumTree::Entry> nodes = exchange(comm, tree, units, count, rows, mine.rows, columns);
  const auto before = [](const SumTree::Entry& a, const SumTree::Entry& b) {
    return std::pair{a.node.slice, a.node.index << a.node.level} <
           std::pair{b.node.slice, b.node.index << b.node.level};
  };
  std::sort(nodes.begin(), nodes.end(), before);
  T* to = mine.data;
  for (auto node = nodes.begin(); node != nodes.end();) {
    SumTree slice;
    const std::int64_t number = node->node.slice;
    for (; node != nodes.end() && node->node.slice == number; ++node) slice.add(node->node, std::move(node->sums));
    for (const double x : slice.total()) *to++ = static_cast<T>(x);
  }
}

std::vector<double> sum_in_tree_for_all(const Communicator& comm, const SumTree& tree, RowRange units,
                                        std::int64_t count, std::int64_t slices, std::int64_t rows,
                                        std::int64_t columns) {
  const RowRange mine = even_range(slices * rows, comm.size(), comm.rank());
  std::vector<double> part(static_cast<std::size_t>(mine.size() * columns));
  sum_in_tree<double>(comm, tree, units, count, rows, {part.data(), mine}, columns);
  return fetch_rows<double>(comm, {part.data(), mine}, {0, slices * rows}, columns);
}

double sum_in_order(const Communicator& comm, Block<const double> mine, std::int64_t total) {
  constexpr std::int64_t kRowsAtOnce = std::int64_t{1} << 20;
  double sum = 0;
  for (std::int64_t begin = 0; begin < total; begin += kRowsAtOnce) {
    const std::int64_t end = std::min(begin + kRowsAtOnce, total);
    const RowRange wanted = comm.rank() == 0 ? RowRange{begin, end} : RowRange{begin, begin};
    for (const double x : fetch_rows(comm, mine, wanted, 1)) sum += x;
  }
  return comm.sum(sum);  // the others have 0
}

template void sum_in_tree(const Communicator&, const SumTree&, RowRange, std::int64_t, std::int64_t, Block<float>,
                          std::int64_t);
template void sum_in_tree(const Communicator&, const SumTree&, RowRange, std::int64_t, std::int64_t, Block<double>,
                          std::int64_t);

}  // namespace tattn
