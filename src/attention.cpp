#include "tattn/attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "comm/communicator.hpp"
#include "dense/dense.hpp"
#include "doubles.hpp"
#include "exact/exact.hpp"
#include "kernels/instruction_set.hpp"
#include "method/decide.hpp"
#include "plan/heavy_rows.hpp"
#include "plan/memory.hpp"
#include "split/split.hpp"
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

template <class T>
void check_memory(const Communicator& comm, const Problem& problem, const Plan& plan, const Options& options,
                  plan::Pass pass) {
  const std::int64_t limit = comm.min(options.memory_bytes > 0 ? options.memory_bytes : INT64_MAX);
  constexpr int kBytes = sizeof(T);
  if (plan.heavy != nullptr)
    plan::require_split_memory(problem, pass, kBytes, plan.in_double ? 8 : kBytes, comm.size(), options.threads,
                               *plan.features, plan.heavy->counts, limit);
  else if (plan.method == Method::polynomial)
    plan::require_polynomial_memory(problem, pass, plan.in_double ? 8 : kBytes, comm.size(), options.threads,
                                    *plan.features, limit);
  else if (plan.method == Method::dense)
    plan::require_dense_memory(problem, pass, kBytes, comm.size(), limit);
  else
    plan::require_memory(problem, pass, kBytes, comm.size(), options.threads, limit);
}

plan::Grid grid_of(const Communicator& comm, const Problem& problem, const Plan& plan, bool reproducible) {
  plan::Grid grid{plan.slice_groups, plan.sequence_blocks, plan.feature_groups};
  if (grid.ranks() != comm.size() || (reproducible && grid.features > 1))
    grid = plan::default_grid(problem.shape, comm.size());
  grid.whole_blocks = reproducible;
  return grid;
}

/// make_plan, forward and gradient after their checks.
template <class T>
Plan checked_plan(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                  const Options& options, bool gradients) {
  return method::decide(comm, problem, operands, options, {.gradients = gradients, .ranks = comm.size()});
}

template <class T>
void checked_forward(const Communicator& comm, const Problem& problem, const Plan& plan,
                     const Operands<T>& operands, const Options& options, const Output<T>& out, Kept* keep) {
  check_memory<T>(comm, problem, plan, options, plan::Pass::forward);
  if (plan.method == Method::exact) return exact::forward(comm, problem, operands, options, out);
  if (plan.method == Method::dense) return dense::forward(comm, problem, operands, options, out);
  if (keep != nullptr) keep->moments = std::make_shared<polynomial::Moments>();
  polynomial::Moments* moments = keep != nullptr ? keep->moments.get() : nullptr;
  const plan::Grid grid = grid_of(comm, problem, plan, options.reproducible);
  split::forward(comm, problem, plan, grid, operands, options, out, moments);
}

template <class T>
void checked_gradient(const Communicator& comm, const Problem& problem, const Plan& plan,
                      const Operands<T>& operands, const Options& options, const Output<const T>& out,
                      const T* upstream, const Gradients<T>& gradients, const Kept* kept) {
  check_memory<T>(comm, problem, plan, options, plan::Pass::gradient);
  if (plan.method == Method::exact)
    return exact::gradient(comm, problem, operands, options, out, upstream, gradients);
  if (plan.method == Method::dense)
    return dense::gradient(comm, problem, operands, options, out, upstream, gradients);
  const polynomial::Moments* moments = kept != nullptr ? kept->moments.get() : nullptr;
  const plan::Grid grid = grid_of(comm, problem, plan, options.reproducible);
  split::gradient(comm, problem, plan, grid, operands, options, out, upstream, gradients, moments);
}

/// A weight of the gradient is exp(s - LSE), which is off by eps |LSE| of itself. Where that is more than 2^-16 in
/// float32, the scores are too large for it.
constexpr float kMostLse = 256;

/// forward and gradient on copies in double, where LSE is not rounded on the way from one to the other.
void gradient_in_double(const Communicator& comm, const Problem& problem, const Plan& plan,
                        const Operands<float>& operands, const Options& options, const float* upstream,
                        const Gradients<float>& gradients) {
  Doubles doubles;
  const std::int64_t rows = operands.query.rows.size(), columns = problem.shape.value_dim;
  const Operands<double> in = copy(problem.shape, operands, doubles);
  std::vector<double> output(static_cast<std::size_t>(rows * columns)), lse(static_cast<std::size_t>(rows));
  const Gradients<double> result = room(problem.shape, operands, gradients, doubles);
  Options silent = options;  // the pass is gradient's own
  silent.progress = nullptr;
  checked_forward<double>(comm, problem, plan, in, silent, {output.data(), lse.data()}, nullptr);
  checked_gradient<double>(comm, problem, plan, in, options, {output.data(), lse.data()},
                           doubles.copy(upstream, rows * columns), result, nullptr);
  doubles.round();
}

template <class T>
void gradient_of_any_scores(const Communicator& comm, const Problem& problem, const Plan& plan,
                            const Operands<T>& operands, const Options& options, const Output<const T>& out,
                            const T* upstream, const Gradients<T>& gradients, const Kept* kept) {
  if constexpr (std::is_same_v<T, float>) {
    const std::int64_t rows = operands.query.rows.size();
    const bool small = std::all_of(out.lse, out.lse + rows, [](float x) { return std::abs(x) <= kMostLse; });
    if (!comm.all(small)) return gradient_in_double(comm, problem, plan, operands, options, upstream, gradients);
  }
  checked_gradient(comm, problem, plan, operands, options, out, upstream, gradients, kept);
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
  checked_forward(own, problem, plan, operands, options, out, keep);
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
    checked_forward(own, problem, plan, operands, options, out, nullptr);
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
