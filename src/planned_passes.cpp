#include "planned_passes.hpp"

#include "dense/dense.hpp"
#include "exact/exact.hpp"
#include "plan/heavy_rows.hpp"
#include "plan/memory.hpp"
#include "split/split.hpp"

namespace tattn {
namespace {

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

}  // namespace

template <class T>
void planned_forward(const Communicator& comm, const Problem& problem, const Plan& plan,
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
void planned_gradient(const Communicator& comm, const Problem& problem, const Plan& plan,
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

#define TATTN_INSTANTIATE(T)                                                                            \
  template void planned_forward(const Communicator&, const Problem&, const Plan&, const Operands<T>&,   \
                                const Options&, const Output<T>&, Kept*);                               \
  template void planned_gradient(const Communicator&, const Problem&, const Plan&, const Operands<T>&,  \
                                 const Options&, const Output<const T>&, const T*, const Gradients<T>&, \
                                 const Kept*)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn
