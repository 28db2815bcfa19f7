#include "comm/largest_rows.hpp"

#include <algorithm>

namespace tattn {
namespace {

/// Keeps the `count` largest, in order.
void keep_largest(std::vector<SizedRow>& rows, std::int64_t count) {
  const auto larger = [](const SizedRow& a, const SizedRow& b) {
    return a.size != b.size ? a.size > b.size : a.row < b.row;
  };
  const std::int64_t kept = std::min(count, std::ssize(rows));
  std::partial_sort(rows.begin(), rows.begin() + kept, rows.end(), larger);
  rows.resize(static_cast<std::size_t>(kept));
}

}  // namespace

std::vector<SizedRow> largest_rows(const Communicator& comm, std::span<const double> sizes, std::int64_t first,
                                   std::int64_t count) {
  std::vector<SizedRow> rows;
  for (const double size : sizes) rows.push_back({size, first + std::ssize(rows)});
  keep_largest(rows, count);

  // Each rank fills its own part of a list; the sum puts the parts together.
  std::int64_t before = 0, total = 0;
  const std::vector<std::int64_t> counts = comm.gather_all(std::ssize(rows));
  for (std::size_t r = 0; r < counts.size(); ++r) {
    if (static_cast<int>(r) < comm.rank()) before += counts[r];
    total += counts[r];
  }
  std::vector<double> all(static_cast<std::size_t>(2 * total), 0.0);
  double* part = all.data() + 2 * before;
  for (const SizedRow& one : rows) {
    *part++ = one.size;
    *part++ = static_cast<double>(one.row);
  }
  comm.sum(all.data(), std::ssize(all));
  rows.clear();
  for (std::size_t k = 0; k < all.size(); k += 2) rows.push_back({all[k], static_cast<std::int64_t>(all[k + 1])});
  keep_largest(rows, count);
  return rows;
}

}  // namespace tattn
