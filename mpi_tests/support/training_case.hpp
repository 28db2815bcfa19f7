#pragma once
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "training/loss.hpp"
#include "training/problem.hpp"
#include "training/train_state.hpp"

namespace tattn::test {

/// A training problem in memory: seeded inputs, and the output of a teacher as the target.
struct TrainingCase {
  int order = 2;
  std::int64_t rows = 40, model_dim = 5, dim = 3, value_dim = 2;
  double teacher_spread = 0.5, student_spread = 0.3;

  [[nodiscard]] training::TrainingProblem problem() const;

  /// Normal weights of the given spread, by name.
  [[nodiscard]] std::vector<double> weights(const std::string& name, double spread) const;

  /// This rank's even share of the inputs and of the target. Collective.
  [[nodiscard]] training::ProblemRows<double> share(const Communicator& comm) const;

  /// A run before its first step.
  [[nodiscard]] training::TrainState start() const;
};

}  // namespace tattn::test
