#include "split/exact_parts.hpp"

#include "exact/exact.hpp"
#include "plan/flops.hpp"
#include "split/part.hpp"

namespace tattn::split {
namespace {

/// Calls f(part, options) for each part that has tuples.
template <class T, class F>
void each_part(const Problem& problem, const plan::HeavyRows& heavy, const Operands<T>& operands,
               const Options& options, const F& f) {
  const auto parts = plan::exact_parts(problem.shape, heavy.counts);
  const auto work = [&](const plan::TuplePart& part) {
    Problem own = problem;
    own.shape = plan::part_shape(problem.shape, heavy.counts, part);
    return plan::exact_forward_flops(own);
  };
  double total = 0, before = 0;
  for (const plan::TuplePart& part : parts) total += work(part);
  for (const plan::TuplePart& part : parts) {
    const double share = work(part) / total;
    f(Part<T>(problem, heavy, part, operands), part_options(options, before, share));
    before += share;
  }
}

}  // namespace

Options part_options(const Options& options, double before, double share) {
  Options part = options;
  if (options.progress)
    part.progress = [&tell = options.progress, before, share](double done) { tell(before + share * done); };
  return part;
}

template <class T>
void exact_forward(const Communicator& comm, const Problem& problem, const plan::HeavyRows& heavy,
                   const Operands<T>& operands, const Options& options, exact::SoftmaxRows& sums) {
  each_part(problem, heavy, operands, options, [&](const Part<T>& part, const Options& own) {
    part.forward([&](const Problem& some, const Operands<T>& rows,
                     const Output<T>& into) { exact::forward(comm, some, rows, own, into); },
                 sums);
  });
}

template <class T>
void exact_gradient(const Communicator& comm, const Problem& problem, const plan::HeavyRows& heavy,
                    const Operands<T>& operands, const Options& options, const Output<const T>& out,
                    const T* upstream, const Gradients<T>& gradients) {
  each_part(problem, heavy, operands, options, [&](const Part<T>& part, const Options& own) {
    part.gradient([&](const Problem& some, const Operands<T>& rows, const Output<const T>& whole, const T* up,
                      const Gradients<T>& into) { exact::gradient(comm, some, rows, own, whole, up, into); },
                  out, upstream, gradients);
  });
}

#define TATTN_INSTANTIATE(T)                                                                                    \
  template void exact_forward(const Communicator&, const Problem&, const plan::HeavyRows&, const Operands<T>&,  \
                              const Options&, exact::SoftmaxRows&);                                             \
  template void exact_gradient(const Communicator&, const Problem&, const plan::HeavyRows&, const Operands<T>&, \
                               const Options&, const Output<const T>&, const T*, const Gradients<T>&)
TATTN_INSTANTIATE(float);
TATTN_INSTANTIATE(double);
#undef TATTN_INSTANTIATE

}  // namespace tattn::split
