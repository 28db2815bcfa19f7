#include "polynomial/in_double.hpp"

#include "doubles.hpp"

namespace tattn::polynomial {
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
  const Gradients<double> result = room(shape, operands, gradients, doubles);
  gradient<double>(comm, problem, walk, grid, in, options,
                   {doubles.copy(out.output, rows * shape.value_dim), doubles.copy(out.lse, rows)},
                   doubles.copy(upstream, rows * shape.value_dim), result, kept);
  doubles.round();
}

}  // namespace tattn::polynomial
