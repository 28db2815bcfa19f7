#include "split/split.hpp"

#include <algorithm>
#include <type_traits>

#include "plan/flops.hpp"
#include "polynomial/in_double.hpp"
#include "split/exact_parts.hpp"
#include "split/part.hpp"

namespace tattn::split {
namespace {

template <class T>
void light_forward(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
                   const Operands<T>& operands, const Options& options, const Output<T>& out,
                   polynomial::Moments* keep) {
  if constexpr (std::is_same_v<T, float>)
    if (plan.in_double)
      return polynomial::forward_in_double(comm, problem, *plan.walk, grid, operands, options, out, keep);
  polynomial::forward(comm, problem, *plan.walk, grid, operands, options, out, keep);
}

template <class T>
void light_gradient(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
                    const Operands<T>& operands, const Options& options, const Output<const T>& out,
                    const T* upstream, const Gradients<T>& gradients, const polynomial::Moments* kept) {
  if constexpr (std::is_same_v<T, float>)
    if (plan.in_double)
      return polynomial::gradient_in_double(comm, problem, *plan.walk, grid, operands, options, out, upstream,
                                            gradients, kept);
  polynomial::gradient(comm, problem, *plan.walk, grid, operands, options, out, upstream, gradients, kept);
}

/// Share of the flops that the polynomial has, for the progress.
double light_share(const Problem& problem, const Plan& plan) {
  Problem light = problem;
  light.shape = plan::part_shape(problem.shape, plan.heavy->counts, plan::light_part());
  if (!plan::has_tuples(light.shape)) return 0;
  double exact = 0;
  for (const plan::TuplePart& part : plan::exact_parts(problem.shape, plan.heavy->counts)) {
    Problem own = problem;
    own.shape = plan::part_shape(problem.shape, plan.heavy->counts, part);
    exact += plan::exact_forward_flops(own);
  }
  const double polynomial = plan::polynomial_forward_flops(light, *plan.features);
  return polynomial / (polynomial + exact);
}

}  // namespace

template <class T>
void forward(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
             const Operands<T>& operands, const Options& options, const Output<T>& out, polynomial::Moments* keep) {
  if (plan.heavy == nullptr) return light_forward(comm, problem, plan, grid, operands, options, out, keep);
  exact::SoftmaxRows sums(operands.query.rows.size(), problem.shape.value_dim);
  const double light = light_share(problem, plan);
  const Options own = part_options(options, 0, light);
  if (light > 0) {
    const auto compute = [&](const Problem& some, const Operands<T>& rows, const Output<T>& into) {
      light_forward(comm, some, plan, grid, rows, own, into, keep);
    };
    Part<T>(problem, *plan.heavy, plan::light_part(), operands).forward(compute, sums);
  }
  exact_forward(comm, problem, *plan.heavy, operands, part_options(options, light, 1 - light), sums);
  sums.finish(out);
}

template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Plan& plan, const plan::Grid& grid,
              const Operands<T>& operands, const Options& options, const Output<const T>& out, const T* upstream,
              const Gradients<T>& gradients, const polynomial::Moments* kept) {
  if (plan.heavy == nullptr)
    return light_gradient(comm, problem, plan, grid, operands, options, out, upstream, gradients, kept);
  clear(problem.shape, operands, gradients);
  const double light = light_share(problem, plan);
  const Options own = part_options(options, 0, light);
  if (light > 0) {
    const auto compute = [&](const Problem& some, const Operands<T>& rows, const Output<const T>& whole,
                             const T* up, const Gradients<T>& into) {
      light_gradient(comm, some, plan, grid, rows, own, whole, up, into, kept);
    };
    Part<T>(problem, *plan.heavy, plan::light_part(), operands).gradient(compute, out, upstream, gradients);
  }
  exact_gradient(comm, problem, *plan.heavy, operands, part_options(options, light, 1 - light), out, upstream,
                 gradients);
}

#define TATTN_INSTANTIATE(T)                                                                                      \
  template void forward(const Communicator&, const Problem&, const Plan&, const plan::Grid&, const Operands<T>&,  \
                        const Options&, const Output<T>&, polynomial::Moments*);                                  \
  template void gradient(const Communicator&, const Problem&, const Plan&, const plan::Grid&, const Operands<T>&, \
                         const Options&, const Output<const T>&, const T*, const Gradients<T>&,                   \
                         const polynomial::Moments*)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn::split
