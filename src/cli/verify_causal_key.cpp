#include "cli/verify_causal_key.hpp"

#include <cmath>

#include "cli/results.hpp"
#include "comm/sampled_rows.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {
namespace {

/// A row that rank 0 holds, on every rank.
std::vector<double> everywhere(const Communicator& comm, const std::vector<double>& row, std::int64_t columns) {
  const RowRange held = comm.rank() == 0 ? RowRange{0, 1} : RowRange{1, 1};
  return fetch_double<double>(comm, {row.data(), held}, {0, 1}, columns);
}

std::vector<double> sum_on_rank_0(const Communicator& comm, const std::vector<double>& mine) {
  std::vector<double> total;
  for (const double x : mine) total.push_back(comm.sum(x));
  if (comm.rank() != 0) total.clear();
  return total;
}

/// Entrywise product of row `i` of a matrix with one row.
void multiply(const std::vector<double>& matrix, std::size_t i, const std::vector<double>& row, double* product) {
  for (std::size_t l = 0; l < row.size(); ++l) product[l] = matrix[i * row.size() + l] * row[l];
}

/// The problem without K_u, V_u.
struct Folded {
  Problem problem;
  io::OperandRows<double> operands;
  std::vector<double> lse, delta;
};

Folded fold(const SliceInDouble& slice, std::size_t u, std::int64_t j, const std::vector<double>& key,
            const std::vector<double>& value) {
  constexpr double kNothing = 1e4;  // exp(0 - this) is zero: rows before j take no part
  Folded folded{slice.problem, slice.operands, slice.lse, {}};
  const std::size_t rows = slice.lse.size(), dv = value.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const bool sees = slice.operands.query_rows.begin + static_cast<std::int64_t>(i) >= j;
    double delta = 0;
    for (std::size_t m = 0; m < dv; ++m) delta += slice.operands.upstream[i * dv + m] * slice.output[i * dv + m];
    folded.delta.push_back(delta);
    multiply(slice.operands.query, i, sees ? key : std::vector<double>(key.size()),
             folded.operands.query.data() + i * key.size());
    multiply(slice.operands.upstream, i, value, folded.operands.upstream.data() + i * dv);
    if (!sees) folded.lse[i] = kNothing;
  }
  for (std::size_t v = u; v + 1 < static_cast<std::size_t>(slice.problem.shape.order); ++v) {
    folded.operands.key[v] = std::move(folded.operands.key[v + 1]);
    folded.operands.value[v] = std::move(folded.operands.value[v + 1]);
  }
  --folded.problem.shape.order;
  return folded;
}

/// A column more: 0 in the values, 1 in the upstream gradient, delta in the output. It adds nothing to
/// any product of values, and makes dO'.O' the delta of the whole problem, which gradient() asks for.
std::vector<double> with_column(const std::vector<double>& matrix, std::size_t columns, std::size_t rows,
                                const std::function<double(std::size_t)>& last) {
  std::vector<double> wider;
  for (std::size_t i = 0; i < rows; ++i) {
    wider.insert(wider.end(), matrix.begin() + static_cast<std::ptrdiff_t>(i * columns),
                 matrix.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
    wider.push_back(last(i));
  }
  return wider;
}

std::vector<double> query_gradient(const Communicator& comm, Folded folded, const Options& library) {
  const auto dv = static_cast<std::size_t>(folded.problem.shape.value_dim);
  const std::size_t rows = folded.lse.size();
  for (std::size_t v = 0; v < static_cast<std::size_t>(folded.problem.shape.order); ++v)
    folded.operands.value[v] =
        with_column(folded.operands.value[v], dv, static_cast<std::size_t>(folded.operands.key_rows[v].size()),
                    [](std::size_t) { return 0.0; });
  const auto upstream = with_column(folded.operands.upstream, dv, rows, [](std::size_t) { return 1.0; });
  const auto output =
      with_column(std::vector<double>(rows * dv), dv, rows, [&](std::size_t i) { return folded.delta[i]; });
  ++folded.problem.shape.value_dim;
  ResultRows<double> results(folded.operands, folded.problem.shape, true);
  gradient(comm.handle(), folded.problem, folded.operands.views(), library,
           Output<const double>{output.data(), folded.lse.data()}, upstream.data(), results.gradient_views());
  return results.query;
}

/// Order 1: nothing is left to fold into, but then one key row is a problem of its own.
KeyGradients only_key(const Communicator& comm, const SliceInDouble& slice, std::int64_t j, const KeyGradients& row,
                      const Options& library) {
  SliceInDouble alone = slice;
  constexpr double kNothing = 1e4;
  const auto dim = static_cast<std::size_t>(slice.problem.shape.dim);
  for (std::int64_t i = slice.operands.query_rows.begin; i < std::min(j, slice.operands.query_rows.end); ++i) {
    const auto at = static_cast<std::size_t>(i - slice.operands.query_rows.begin);
    alone.lse[at] = kNothing;
    std::fill_n(alone.operands.query.begin() + static_cast<std::ptrdiff_t>(at * dim), dim, 0.0);
  }
  alone.problem.causal = false;
  alone.problem.shape.key_rows[0] = 1;
  alone.operands.key_rows[0] = comm.rank() == 0 ? RowRange{0, 1} : RowRange{1, 1};
  alone.operands.key[0] = row.key;
  alone.operands.value[0] = row.value;
  ResultRows<double> results(alone.operands, alone.problem.shape, true);
  gradient(comm.handle(), alone.problem, alone.operands.views(), library,
           Output<const double>{alone.output.data(), alone.lse.data()}, alone.operands.upstream.data(),
           results.gradient_views());
  return {results.key[0], results.value[0]};
}

}  // namespace

KeyGradients causal_key_gradients(const Communicator& comm, const SliceInDouble& slice, std::size_t u,
                                  std::int64_t j, const KeyGradients& row, const Options& library) {
  if (slice.problem.shape.order == 1) return only_key(comm, slice, j, row, library);
  const auto key = everywhere(comm, row.key, slice.problem.shape.dim);
  const auto value = everywhere(comm, row.value, slice.problem.shape.value_dim);
  const Folded folded = fold(slice, u, j, key, value);
  ResultRows<double> others(folded.operands, folded.problem.shape, false);
  forward(comm.handle(), folded.problem, folded.operands.views(), library, others.output_views());
  const std::vector<double> query = query_gradient(comm, folded, library);

  KeyGradients sums{std::vector<double>(key.size()), std::vector<double>(value.size())};
  for (std::size_t i = 0; i < folded.lse.size(); ++i) {
    const double weight = std::exp(others.lse[i] - folded.lse[i]);
    for (std::size_t l = 0; l < key.size(); ++l)
      sums.key[l] += slice.operands.query[i * key.size() + l] * query[i * key.size() + l];
    for (std::size_t m = 0; m < value.size(); ++m)
      sums.value[m] += slice.operands.upstream[i * value.size() + m] * others.output[i * value.size() + m] * weight;
  }
  return {sum_on_rank_0(comm, sums.key), sum_on_rank_0(comm, sums.value)};
}

}  // namespace tattn::cli
