#include "comm/sampled_rows.hpp"

#include <set>

#include "comm/row_exchange.hpp"
#include "plan/random_normal.hpp"

namespace tattn {

std::vector<std::int64_t> pick(std::int64_t total, std::int64_t count, std::uint64_t seed,
                               const std::string& name) {
  const RandomStream random(seed, name);
  std::set<std::int64_t> chosen;
  // Floyd's algorithm: one draw for each number picked, whatever the total.
  for (std::int64_t last = total > count ? total - count : 0; last < total; ++last) {
    const auto draw = random.bits(static_cast<std::uint64_t>(last)) % static_cast<std::uint64_t>(last + 1);
    if (!chosen.insert(static_cast<std::int64_t>(draw)).second) chosen.insert(last);
  }
  return {chosen.begin(), chosen.end()};
}

template <class T>
std::vector<double> collect_rows(const Communicator& comm, Block<const T> mine,
                                 const std::vector<std::int64_t>& rows, RowRange share, std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<double> held(rows.size() * width), result(static_cast<std::size_t>(share.size()) * width);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (rows[k] < mine.rows.begin || rows[k] >= mine.rows.end) continue;
    const T* from = mine.data + (rows[k] - mine.rows.begin) * columns;
    std::copy(from, from + columns, held.begin() + static_cast<std::ptrdiff_t>(k * width));
  }
  // Each row is held by one rank and zero at the others, so the sum is the row.
  const RowRange all{0, static_cast<std::int64_t>(rows.size())};
  sum_rows<double>(comm, held.data(), all, {result.data(), share}, columns);
  return result;
}

template <class T>
std::vector<double> fetch_double(const Communicator& comm, Block<const T> mine, RowRange wanted,
                                 std::int64_t columns) {
  const std::vector<T> rows = fetch_rows<T>(comm, mine, wanted, columns);
  return {rows.begin(), rows.end()};
}

#define TATTN_INSTANTIATE(T)                                                                                       \
  template std::vector<double> collect_rows(const Communicator&, Block<const T>, const std::vector<std::int64_t>&, \
                                            RowRange, std::int64_t);                                               \
  template std::vector<double> fetch_double(const Communicator&, Block<const T>, RowRange, std::int64_t)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn
