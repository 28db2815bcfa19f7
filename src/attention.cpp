#include "tattn/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "comm/communicator.hpp"
#include "dense/dense.hpp"
#include "exact/exact.hpp"
#include "kernels/instruction_set.hpp"
#include "plan/memory.hpp"
#include "tattn/error.hpp"

namespace tattn {
namespace {

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(Status::usage, message);
}

void check_problem(const Problem& problem, const Options& options) {
  const Shape& shape = problem.shape;
  require(shape.order >= 1 && shape.order <= kMaxOrder,
          "the order is " + std::to_string(shape.order) + ": 1 to " + std::to_string(kMaxOrder) + " key matrices");
  require(shape.slices >= 1 && shape.rows >= 1 && shape.dim >= 1 && shape.value_dim >= 1,
          "slices, rows, key dim and value dim must be at least 1");
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    require(shape.key_rows[u] >= 1, "every key needs at least one row");
    require(!problem.causal || shape.key_rows[u] == shape.rows, "causal needs as many rows in every key as in Q");
  }
  require(std::isfinite(problem.scale), "the scale must be a finite number");
  require(options.threads >= 1, "at least one thread is needed");
  require(options.method != Method::polynomial, "this method is not in this version: use exact");
  require(options.method != Method::dense || shape.order <= 2,
          fmt::format("the dense method does orders 1 and 2, not order {}: use exact", shape.order));
}

/// The ranges of one matrix must cover each row once, whoever holds them.
void check_cover(const Communicator& comm, RowRange mine, std::int64_t rows, const std::string& name) {
  const auto begins = comm.gather_all(mine.begin), ends = comm.gather_all(mine.end);
  std::int64_t covered = 0;
  for (std::size_t r = 0; r < begins.size(); ++r) {
    if (ends[r] <= begins[r]) continue;
    require(begins[r] >= 0 && ends[r] <= rows, "the rows of " + name + " that rank " + std::to_string(r) +
                                                   " holds lie outside of its " + std::to_string(rows) + " rows");
    covered += ends[r] - begins[r];
    for (std::size_t s = 0; s < r; ++s)
      require(intersect({begins[r], ends[r]}, {begins[s], ends[s]}).empty(),
              "two ranks hold the same row of " + name);
  }
  require(covered == rows, "the ranks hold " + std::to_string(covered) + " of the " + std::to_string(rows) +
                               " rows of " + name + ": they must cover each row once");
}

template <class T>
void check_call(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                const Options& options, plan::Pass pass) {
  comm.agree([&] {
    kernels::use_environment_instruction_set();
    check_problem(problem, options);
  });
  const Shape& shape = problem.shape;
  check_cover(comm, operands.query.rows, shape.total_rows(), "Q");
  for (int u = 0; u < shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    check_cover(comm, operands.key[at].rows, shape.total_key_rows(u), fmt::format("K{}", u + 1));
    check_cover(comm, operands.value[at].rows, shape.total_key_rows(u), fmt::format("V{}", u + 1));
  }
  const std::int64_t limit = comm.min(options.memory_bytes > 0 ? options.memory_bytes : INT64_MAX);
  const int bytes = sizeof(T);
  if (options.method == Method::dense)
    plan::require_dense_memory(problem, pass, bytes, comm.size(), limit);
  else
    plan::require_memory(problem, pass, bytes, comm.size(), options.threads, limit);
}

}  // namespace

template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out) {
  const Communicator own(comm);
  check_call(own, problem, operands, options, plan::Pass::forward);
  if (options.method == Method::dense) return dense::forward(own, problem, operands, options, out);
  exact::forward(own, problem, operands, options, out);
}

template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients) {
  const Communicator own(comm);
  check_call(own, problem, operands, options, plan::Pass::gradient);
  if (options.method == Method::dense)
    return dense::gradient(own, problem, operands, options, out, upstream, gradients);
  exact::gradient(own, problem, operands, options, out, upstream, gradients);
}

template void forward<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                             const Output<float>&);
template void forward<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                              const Output<double>&);
template void gradient<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&,
                              const Output<const float>&, const float*, const Gradients<float>&);
template void gradient<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&,
                               const Output<const double>&, const double*, const Gradients<double>&);

}  // namespace tattn
