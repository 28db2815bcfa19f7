#include "training/target.hpp"

#include <numeric>
#include <vector>

#include "comm/sum_tree.hpp"

namespace tattn::training {

template <class T>
double loss_of_target(const Communicator& comm, const Shape& shape, Block<const T> output, const T* target,
                      T* upstream, bool reproducible) {
  std::vector<double> squares(static_cast<std::size_t>(output.rows.size()), 0.0);
  std::int64_t at = 0;
  for (double& sum : squares)
    for (const std::int64_t end = at + shape.value_dim; at < end; ++at) {
      upstream[at] = output.data[at] - target[at];
      sum += static_cast<double>(upstream[at]) * static_cast<double>(upstream[at]);
    }
  if (reproducible) return 0.5 * sum_in_order(comm, {squares.data(), output.rows}, shape.total_rows());
  return 0.5 * comm.sum(std::accumulate(squares.begin(), squares.end(), 0.0));
}

template double loss_of_target(const Communicator&, const Shape&, Block<const float>, const float*, float*, bool);
template double loss_of_target(const Communicator&, const Shape&, Block<const double>, const double*, double*,
                               bool);

}  // namespace tattn::training
