#include "training/problem.hpp"

namespace tattn::training {

template <class T>
Operands<T> ProblemRows<T>::views() const {
  Operands<T> views;
  views.query = {query.data(), query_rows};
  for (std::size_t u = 0; u < key.size(); ++u) {
    views.key[u] = {key[u].data(), key_rows[u]};
    views.value[u] = {value[u].data(), key_rows[u]};
  }
  return views;
}

template struct ProblemRows<float>;
template struct ProblemRows<double>;

std::vector<WeightView> weight_views(const TrainingProblem& problem) {
  const Shape& shape = problem.attention.shape;
  std::vector<WeightView> views;
  std::int64_t offset = 0;
  const auto append = [&](char letter, int count, std::int64_t columns) {
    for (int number = 1; number <= count; ++number) {
      views.push_back({letter + std::to_string(number), offset, problem.model_dim, columns});
      offset = views.back().end();
    }
  };
  append('X', shape.order + 1, shape.dim);
  append('Y', shape.order, shape.value_dim);
  return views;
}

std::int64_t weight_count(const TrainingProblem& problem) {
  return weight_views(problem).back().end();
}

}  // namespace tattn::training
