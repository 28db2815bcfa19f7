#pragma once
#include <array>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/attention.hpp"
#include "training/problem.hpp"

namespace tattn::training {

/// The loss of a training problem and its gradient with respect to the weights, by any method.
///
///     Loss loss(comm, problem, rows);
///     loss.set_weights(weights, threads);
///     const Plan plan = loss.make_plan(options, true);      may serve for many steps
///     const double value = loss.forward(plan, options);
///     const std::vector<double> slope = loss.gradient(plan, options);
///
///     dX1 = A1^T dQ     dX(u+1) = A(u+1)^T dK_u     dY_u = A(t+1+u)^T dV_u     with dO = O - E
///
/// Weights and their gradients are flat arrays as weight_views says, the same bits on every rank: sums over rows
/// are in double, made on one rank and sent to all. Rows stay where they are.
///
///     before  r: rows of A1.., E; all weights      after  r: rows of O, LSE; all of dX1.., dY1..
///
/// `comm` and `rows` outlive this. Throws Error (the same on every rank) where tattn::make_plan, forward and
/// gradient do.
template <class T>
class Loss {
 public:
  /// Collective, as it takes memory.
  Loss(const Communicator& comm, const TrainingProblem& problem, const ProblemRows<T>& rows);

  /// Projects: Q = A1 X1 and so on, sums in double, rounded to T. Not collective.
  void set_weights(const double* weights, int threads);

  /// How the operands of the weights set last are to be computed. Collective.
  [[nodiscard]] Plan make_plan(const Options& options, bool gradients) const;

  /// O, LSE and the loss, the same bits on every rank. Collective.
  double forward(const Plan& plan, const Options& options);

  /// The gradients of all weights, after forward with the same plan. Collective.
  [[nodiscard]] std::vector<double> gradient(const Plan& plan, const Options& options);

  // Of the weights set last; this rank's rows. Not collective.
  [[nodiscard]] const TrainingProblem& problem() const { return problem_; }
  [[nodiscard]] const ProblemRows<T>& rows() const { return rows_; }
  [[nodiscard]] Operands<T> operands() const;
  [[nodiscard]] Output<const T> output() const { return {output_.data(), lse_.data()}; }
  [[nodiscard]] const std::vector<T>& upstream() const { return upstream_; }  ///< O - E

 private:
  struct Rows {
    RowRange mine;
    std::int64_t all = 0;
  };
  /// Calls f(A, rows of A, projected rows, their gradients) for every weight, in the order of weight_views.
  template <class F>
  void each_weight(const F& f);
  Gradients<T> row_gradients();  ///< their room is kept from the first call on

  const Communicator& comm_;
  TrainingProblem problem_;
  const ProblemRows<T>& rows_;
  std::vector<T> query_, output_, lse_, upstream_, d_query_;
  std::array<std::vector<T>, kMaxOrder> key_, value_, d_key_, d_value_;
  Kept kept_;  ///< from forward to gradient
};

/// Loss, and gradients where asked for, of one set of weights.
struct LossResult {
  double loss = 0;
  std::vector<double> gradient;
};

/// set_weights, forward and, if `gradients`, gradient. Collective.
template <class T>
[[nodiscard]] LossResult evaluate(Loss<T>& loss, const std::vector<double>& weights, const Plan& plan,
                                  const Options& options, bool gradients);

}  // namespace tattn::training
