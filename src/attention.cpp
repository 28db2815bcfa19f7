#include "tattn/attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.hpp"
#include "exact/exact.hpp"
#include "kernels/instruction_set.hpp"
#include "large_scores.hpp"
#include "method/decide.hpp"
#include "planned_passes.hpp"
#include "tattn/error.hpp"

namespace tattn {
namespace {

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(Status::usage, message);
}

void check_heavy_rows(const Shape& shape, const std::vector<std::int64_t>& counts) {
  require(std::ssize(counts) == shape.order + 1,
          fmt::format("heavy rows are given for {} operands: Q and {} keys need {} numbers", counts.size(),
                      shape.order, shape.order + 1));
  for (std::size_t u = 0; u < counts.size(); ++u) {
    const std::int64_t rows = u == 0 ? shape.rows : shape.key_rows[u - 1];
    require(counts[u] >= 0 && counts[u] <= rows,
            fmt::format("{} heavy rows of {} are asked for, which has {} in a slice", counts[u],
                        u == 0 ? "Q" : fmt::format("K{}", u), rows));
  }
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
  require(options.method != Method::dense || shape.order <= 2,
          fmt::format("the dense method does orders 1 and 2, not order {}: use exact", shape.order));
  require(
      options.method != Method::dense || !options.reproducible,
      "the dense method's sums depend on the number of ranks: for reproducible results use exact or polynomial");
  require(options.method != Method::polynomial || !problem.causal,
          "the polynomial method does not do causal attention in this version: use exact");
  if (options.heavy_rows) check_heavy_rows(shape, *options.heavy_rows);
  require(options.tolerance > 0, "the tolerance must be above 0");
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
                const Options& options) {
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
}

/// make_plan after its checks.
template <class T>
Plan checked_plan(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                  const Options& options, bool gradients) {
  return method::decide(comm, problem, operands, options, {.gradients = gradients, .ranks = comm.size()});
}

/// The plan of a call that was given none: only the methods that have a choice of features measure anything.
template <class T>
Plan plan_for(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              bool gradients) {
  if (options.method == Method::polynomial || (options.method == Method::automatic && !problem.causal))
    return checked_plan(comm, problem, operands, options, gradients);
  Plan plan;
  if (options.method == Method::dense) plan.method = Method::dense;
  return plan;
}

}  // namespace

template <class T>
Plan make_plan(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
               bool gradients) {
  const Communicator own(comm);
  check_call(own, problem, operands, options);
  return checked_plan(own, problem, operands, options, gradients);
}

template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Plan& plan, const Operands<T>& operands,
             const Options& options, const Output<T>& out, Kept* keep) {
  const Communicator own(comm);
  check_call(own, problem, operands, options);
  planned_forward(own, problem, plan, operands, options, out, keep);
}

template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Plan& plan, const Operands<T>& operands,
              const Options& options, const Output<const T>& out, const T* upstream, const Gradients<T>& gradients,
              const Kept* kept) {
  const Communicator own(comm);
  check_call(own, problem, operands, options);
  gradient_of_any_scores(own, problem, plan, operands, options, out, upstream, gradients, kept);
}

template <class T>
void forward(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out) {
  const Communicator own(comm);
  check_call(own, problem, operands, options);
  const Plan plan = plan_for(own, problem, operands, options, false);
  try {
    planned_forward(own, problem, plan, operands, options, out, nullptr);
  } catch (const NotPositive&) {
    if (options.method != Method::automatic) throw;
    exact::forward(own, problem, operands, options, out);
  }
}

template <class T>
void gradient(MPI_Comm comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients) {
  const Communicator own(comm);
  check_call(own, problem, operands, options);
  gradient_of_any_scores(own, problem, plan_for(own, problem, operands, options, true), operands, options, out,
                         upstream, gradients, nullptr);
}

#define TATTN_INSTANTIATE(T)                                                                                      \
  template Plan make_plan<T>(MPI_Comm, const Problem&, const Operands<T>&, const Options&, bool);                 \
  template void forward<T>(MPI_Comm, const Problem&, const Plan&, const Operands<T>&, const Options&,             \
                           const Output<T>&, Kept*);                                                              \
  template void gradient<T>(MPI_Comm, const Problem&, const Plan&, const Operands<T>&, const Options&,            \
                            const Output<const T>&, const T*, const Gradients<T>&, const Kept*);                  \
  template void forward<T>(MPI_Comm, const Problem&, const Operands<T>&, const Options&, const Output<T>&);       \
  template void gradient<T>(MPI_Comm, const Problem&, const Operands<T>&, const Options&, const Output<const T>&, \
                            const T*, const Gradients<T>&);
TATTN_INSTANTIATE(float)
TATTN_INSTANTIATE(double)
#undef TATTN_INSTANTIATE

}  // namespace tattn
