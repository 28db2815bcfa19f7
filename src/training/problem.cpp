#include "training/problem.hpp"

namespace tattn::training {

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
