#include "polynomial/in_double.hpp"

#include <algorithm>
#include <deque>

namespace tattn::polynomial {
namespace {

/// Arrays in double beside arrays in float, which get the rounded results in the end.
class Doubles {
 public:
  /// A copy that lives as long as this.
  const double* copy(const float* from, std::int64_t entries) {
    return arrays_.emplace_back(from, from + entries).data();
  }
  Block<const double> copy(const Block<const float>& block, std::int64_t columns) {
    return {copy(block.data, block.rows.size() * columns), block.rows};
  }

  /// Room for results; round() moves them to `to`.
  double* room(float* to, std::int64_t entries) {
    results_.push_back({arrays_.size(), to});
    return arrays_.emplace_back(static_cast<std::size_t>(entries)).data();
  }
  void round() const {
    for (const auto& [array, to] : results_)
      std::transform(arrays_[array].begin(), arrays_[array].end(), to,
                     [](double x) { return static_cast<float>(x); });
  }

 private:
  struct Result {
    std::size_t array;
    float* to;
  };
  std::deque<std::vector<double>> arrays_;
  std::vector<Result> results_;
};

Operands<double> copy(const Shape& shape, const Operands<float>& from, Doubles& doubles) {
  Operands<double> to;
  to.query = doubles.copy(from.query, shape.dim);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    to.key[u] = doubles.copy(from.key[u], shape.dim);
    to.value[u] = doubles.copy(from.value[u], shape.value_dim);
  }
  return to;
}

}  // namespace

void forward_in_double(const Communicator& comm, const Problem& problem, const plan::Walk& walk,
                       const plan::Grid& grid, const Operands<float>& operands, const Options& options,
                       const Output<float>& out, Moments* keep) {
  Doubles doubles;
  const std::int64_t rows = operands.query.rows.size();
  const Operands<double> in = copy(problem.shape, operands, doubles);
  const Output<double> result{doubles.room(out.output, rows * problem.shape.value_dim),
                              doubles.room(out.lse, rows)};
  forward<double>(comm, problem, walk, grid, in, options, result, keep);
  doubles.round();
}

void gradient_in_double(const Communicator& comm, const Problem& problem, const plan::Walk& walk,
                        const plan::Grid& grid, const Operands<float>& operands, const Options& options,
                        const Output<const float>& out, const float* upstream, const Gradients<float>& gradients,
                        const Moments* kept) {
  Doubles doubles;
  const Shape& shape = problem.shape;
  const std::int64_t rows = operands.query.rows.size();
  const Operands<double> in = copy(shape, operands, doubles);
  Gradients<double> result;
  result.query = doubles.room(gradients.query, rows * shape.dim);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    result.key[u] = doubles.room(gradients.key[u], operands.key[u].rows.size() * shape.dim);
    result.value[u] = doubles.room(gradients.value[u], operands.value[u].rows.size() * shape.value_dim);
  }
  gradient<double>(comm, problem, walk, grid, in, options,
                   {doubles.copy(out.output, rows * shape.value_dim), doubles.copy(out.lse, rows)},
                   doubles.copy(upstream, rows * shape.value_dim), result, kept);
  doubles.round();
}

}  // namespace tattn::polynomial
