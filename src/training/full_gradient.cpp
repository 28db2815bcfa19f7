#include "training/full_gradient.hpp"

#include <fmt/format.h>

#include "dense/dense.hpp"
#include "exact/full_gradient.hpp"
#include "polynomial/full_gradient.hpp"
#include "tattn/error.hpp"

namespace tattn::training {

template <class T>
std::vector<double> full_gradient(const Communicator& comm, const Loss<T>& loss, const Plan& plan,
                                  const Options& options) {
  const TrainingProblem& problem = loss.problem();
  if (problem.attention.shape.order != 2)
    throw Error(Status::usage, fmt::format("the gradient with respect to the whole X is of order 2, not {}",
                                           problem.attention.shape.order));
  if (plan.heavy != nullptr)
    throw Error(Status::usage,
                "the gradient with respect to the whole X is not made beside heavy rows: plan without");
  const FullGradientCall<T> call{comm,
                                 problem.attention,
                                 problem.model_dim,
                                 loss.operands(),
                                 loss.rows().views(),
                                 loss.output(),
                                 loss.upstream().data(),
                                 options};
  switch (plan.method) {
    case Method::polynomial:
      return polynomial::full_gradient(call, *plan.walk);
    case Method::dense:
      return dense::full_gradient(call);
    default:
      return exact::full_gradient(call);
  }
}

template std::vector<double> full_gradient(const Communicator&, const Loss<float>&, const Plan&, const Options&);
template std::vector<double> full_gradient(const Communicator&, const Loss<double>&, const Plan&, const Options&);

}  // namespace tattn::training
