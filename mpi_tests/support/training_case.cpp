#include "support/training_case.hpp"

#include <fmt/format.h>

#include "plan/random_normal.hpp"

namespace tattn::test {
namespace {

std::vector<double> normal(const std::string& name, RowRange rows, std::int64_t columns, double spread) {
  std::vector<double> result(static_cast<std::size_t>(rows.size() * columns));
  RandomStream(1, name).normal({rows.begin * columns, rows.end * columns}, spread, result.data());
  return result;
}

}  // namespace

training::TrainingProblem TrainingCase::problem() const {
  training::TrainingProblem result;
  Shape& shape = result.attention.shape;
  shape.order = order;
  shape.rows = rows;
  for (std::size_t u = 0; u < static_cast<std::size_t>(order); ++u) shape.key_rows[u] = rows;
  shape.dim = dim;
  shape.value_dim = value_dim;
  result.attention.scale = 1.0 / static_cast<double>(dim);
  result.model_dim = model_dim;
  return result;
}

std::vector<double> TrainingCase::weights(const std::string& name, double spread) const {
  return normal(name, {0, training::weight_count(problem())}, 1, spread);
}

training::ProblemRows<double> TrainingCase::share(const Communicator& comm) const {
  training::ProblemRows<double> result;
  const RowRange mine = even_range(rows, comm.size(), comm.rank());
  result.query_rows = mine;
  result.query = normal("A1", mine, model_dim, 1);
  for (int u = 0; u < order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    result.key_rows[at] = mine;
    result.key[at] = normal(fmt::format("A{}", 2 + u), mine, model_dim, 1);
    result.value[at] = normal(fmt::format("A{}", 2 + order + u), mine, model_dim, 1);
  }
  result.target.assign(static_cast<std::size_t>(mine.size() * value_dim), 0.0);
  training::Loss<double> teacher(comm, problem(), result);
  teacher.set_weights(weights("teacher", teacher_spread).data(), 1);
  Plan exact;
  static_cast<void>(teacher.forward(exact, {}));
  result.target = teacher.upstream();  // O - 0
  return result;
}

training::TrainState TrainingCase::start() const {
  training::TrainState state;
  state.point.weights = weights("student", student_spread);
  return state;
}

}  // namespace tattn::test
