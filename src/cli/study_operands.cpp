#include "cli/study_operands.hpp"

#include <fmt/format.h>

#include <cmath>

#include "cli/shares.hpp"
#include "cli/widened.hpp"
#include "plan/random_normal.hpp"

namespace tattn::cli {
namespace {

template <class T>
std::vector<T> matrix(const Entries& entries, const std::string& name, RowRange rows, std::int64_t columns) {
  const RandomStream random(entries.seed, name);
  std::vector<T> result(static_cast<std::size_t>(rows.size() * columns));
  const std::int64_t first = rows.begin * columns;
  if (!entries.entry)
    random.normal({first, rows.end * columns}, entries.spread, result.data());
  else
    for (std::size_t x = 0; x < result.size(); ++x) {
      const std::uint64_t bits = random.bits(static_cast<std::uint64_t>(first) + x);
      result[x] = static_cast<T>(*entries.entry * (static_cast<double>(bits >> 11) * 0x1p-52 - 1));
    }
  return result;
}

}  // namespace

double Entries::deviation() const {
  return entry ? *entry / std::sqrt(3.0) : spread;
}

template <class T>
io::OperandRows<T> seeded_operands(const Communicator& comm, const Problem& problem, Method method,
                                   const Entries& entries) {
  const Shape& shape = problem.shape;
  io::OperandRows<T> rows;
  const Shares mine = shares_of(comm, problem, method, plan::default_grid(shape, comm.size()));
  rows.query_rows = mine.query_rows;
  rows.key_rows = mine.key_rows;
  rows.query = matrix<T>(entries, "Q", rows.query_rows, shape.dim);
  rows.upstream = matrix<T>(entries, "dO", rows.query_rows, shape.value_dim);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    rows.key[u] = matrix<T>(entries, fmt::format("K{}", u + 1), rows.key_rows[u], shape.dim);
    rows.value[u] = matrix<T>(entries, fmt::format("V{}", u + 1), rows.key_rows[u], shape.value_dim);
  }
  return rows;
}

template <class T>
io::OperandRows<double> in_double(const io::OperandRows<T>& operands) {
  io::OperandRows<double> rows;
  rows.query_rows = operands.query_rows;
  rows.key_rows = operands.key_rows;
  rows.query = widened(operands.query);
  rows.upstream = widened(operands.upstream);
  for (std::size_t u = 0; u < rows.key.size(); ++u) {
    rows.key[u] = widened(operands.key[u]);
    rows.value[u] = widened(operands.value[u]);
  }
  return rows;
}

template io::OperandRows<float> seeded_operands(const Communicator&, const Problem&, Method, const Entries&);
template io::OperandRows<double> seeded_operands(const Communicator&, const Problem&, Method, const Entries&);
template io::OperandRows<double> in_double(const io::OperandRows<float>&);
template io::OperandRows<double> in_double(const io::OperandRows<double>&);

}  // namespace tattn::cli
