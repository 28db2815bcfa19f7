// Training in memory: the loss falls, a run taken up again goes on as if it had never stopped, also on another
// number of ranks, and a polynomial is planned anew when the weights have outgrown it and only then.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "polynomial/choose.hpp"
#include "support/training_case.hpp"
#include "tattn/error.hpp"
#include "training/checkpoint.hpp"
#include "training/trainer.hpp"
#include "training/vectors.hpp"

namespace tattn::training {
namespace {

using test::TrainingCase;

TrainOrder order_of(OptimizerKind kind, double rate, std::int64_t steps, Method method = Method::exact) {
  TrainOrder order;
  order.optimizer = {kind, rate};
  order.options.method = method;
  order.steps = steps;
  return order;
}

/// Trains from `state` until order.steps steps are made in all.
TrainState train(const Communicator& comm, const TrainingCase& c, const TrainOrder& order, TrainState state) {
  const ProblemRows<double> rows = c.share(comm);
  Loss<double> loss(comm, c.problem(), rows);
  Trainer<double> trainer(comm, loss, order, std::move(state));
  trainer.begin();
  while (trainer.state().optimizer.steps < order.steps && trainer.advance()) {
  }
  return trainer.state();
}

/// As a run that is stopped and resumed sees it.
TrainState through_a_checkpoint(TrainState state) {
  Checkpoint checkpoint;
  checkpoint.state = std::move(state);
  return decode("x", encode(checkpoint)).state;
}

struct Recipe {
  OptimizerKind kind;
  double rate;
};
class Training : public testing::TestWithParam<Recipe> {};
INSTANTIATE_TEST_SUITE_P(Optimizers, Training,
                         testing::Values(Recipe{OptimizerKind::gd, 0.2}, Recipe{OptimizerKind::adam, 0.02},
                                         Recipe{OptimizerKind::lbfgs, 1}));

TEST_P(Training, ReducesTheLoss) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c;
  TrainState state = train(comm, c, order_of(GetParam().kind, GetParam().rate, 0), c.start());
  const double first = state.point.value.loss;
  state = train(comm, c, order_of(GetParam().kind, GetParam().rate, 40), state);
  EXPECT_EQ(state.optimizer.steps, 40);
  EXPECT_LT(state.point.value.loss, 0.5 * first);
  EXPECT_EQ(state.replans, 0);
}

TEST_P(Training, GoesOnFromACheckpointBitForBit) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c;
  for (const Method method : {Method::exact, Method::polynomial}) {
    TrainOrder whole = order_of(GetParam().kind, GetParam().rate, 12, method);
    whole.options.reproducible = true;  // else each run's own measured rates have a say in its plan
    TrainOrder half = whole;
    half.steps = 6;
    const TrainState unbroken = train(comm, c, whole, c.start());
    const TrainState resumed = train(comm, c, whole, through_a_checkpoint(train(comm, c, half, c.start())));
    EXPECT_EQ(unbroken.point.weights, resumed.point.weights);
    EXPECT_EQ(unbroken.point.value.loss, resumed.point.value.loss);
    EXPECT_EQ(unbroken.optimizer, resumed.optimizer);
  }
}

// The first half on all ranks, the second on one rank less.
TEST_P(Training, GoesOnOnAnotherNumberOfRanks) {
  const Communicator comm(MPI_COMM_WORLD);
  if (comm.size() == 1) GTEST_SKIP() << "needs two ranks";
  const TrainingCase c;
  const TrainOrder whole = order_of(GetParam().kind, GetParam().rate, 20);
  TrainOrder half = whole;
  half.steps = 10;
  const TrainState unbroken = train(comm, c, whole, c.start());
  const TrainState stopped = through_a_checkpoint(train(comm, c, half, c.start()));
  const bool goes_on = comm.rank() < comm.size() - 1;
  const Communicator fewer = comm.split(goes_on ? 0 : 1);
  if (!goes_on) return;
  const TrainState resumed = train(fewer, c, whole, stopped);
  EXPECT_NEAR(resumed.point.value.loss, unbroken.point.value.loss, 1e-9 * unbroken.point.value.loss);
}

/// Error of a plan's features at the weights of a state, on rows that nothing else looked at.
double error_of(const Communicator& comm, const TrainingCase& c, const TrainState& state) {
  const ProblemRows<double> rows = c.share(comm);
  Loss<double> loss(comm, c.problem(), rows);
  loss.set_weights(state.point.weights.data(), 1);
  return polynomial::measure_error(comm, c.problem().attention, loss.operands(), *state.plan.walk,
                                   plan::Target::gradients, state.plan.in_double, 1000000);
}

/// A teacher of large scores and a student that begins with small ones.
TrainingCase growing() {
  TrainingCase c;
  c.teacher_spread = 0.6;
  c.student_spread = 0.2;
  return c;
}

TEST(Replan, HappensWhenTheScoresOutgrowTheFeatures) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c = growing();
  for (const bool certified : {false, true}) {
    TrainOrder order = order_of(OptimizerKind::adam, 0.02, 60, Method::polynomial);
    order.options.certified = certified;
    order.options.tolerance = certified ? 1e-2 : 1e-4;
    const TrainState state = train(comm, c, order, c.start());
    EXPECT_EQ(state.optimizer.steps, 60);
    EXPECT_GE(state.replans, 1);
    EXPECT_LE(state.replans, 30);
    // Other rows than those tried differ by some factor; a plan that was not renewed is off by more than 10.
    EXPECT_LE(error_of(comm, c, state), 2 * order.options.tolerance);
  }
}

TEST(Replan, DoesNotHappenWhileTheFeaturesDo) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c;
  const TrainOrder order = order_of(OptimizerKind::adam, 1e-4, 60, Method::polynomial);
  EXPECT_EQ(train(comm, c, order, c.start()).replans, 0);
}

TEST(Replan, FollowsTheExactTrajectory) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c = growing();
  const TrainState exact = train(comm, c, order_of(OptimizerKind::adam, 0.02, 40), c.start());
  const TrainState polynomial =
      train(comm, c, order_of(OptimizerKind::adam, 0.02, 40, Method::polynomial), c.start());
  // 40 steps whose gradients are off by the tolerance each.
  EXPECT_NEAR(polynomial.point.value.loss, exact.point.value.loss, 40 * 1e-3 * exact.point.value.loss);
}

TEST(Replan, ComesAlsoDuringALineSearch) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c = growing();
  TrainOrder order = order_of(OptimizerKind::lbfgs, 1, 40, Method::polynomial);
  const TrainState state = train(comm, c, order, c.start());
  EXPECT_GE(state.replans, 1);
  EXPECT_LE(error_of(comm, c, state), 2 * order.options.tolerance);
}

TEST(Replan, LeavesAFixedSetOfFeaturesAlone) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c = growing();
  TrainOrder order = order_of(OptimizerKind::adam, 0.005, 30, Method::polynomial);
  order.options.features = 15;
  const TrainState state = train(comm, c, order, c.start());
  EXPECT_EQ(state.replans, 0);
  EXPECT_EQ(state.plan.features, 15);
}

/// What ends a run that stops by itself, for a target that no weights meet: the loss is not zero at its minimum.
std::string ending_of(const Communicator& comm, const TrainingCase& c, const TrainOrder& order) {
  ProblemRows<double> rows = c.share(comm);
  for (std::size_t x = 0; x < rows.target.size(); ++x)
    rows.target[x] +=
        0.001 *
        std::sin(7 * static_cast<double>(static_cast<std::size_t>(rows.query_rows.begin * c.value_dim) + x));
  Loss<double> loss(comm, c.problem(), rows);
  Trainer<double> trainer(comm, loss, order, c.start());
  trainer.begin();
  while (trainer.state().optimizer.steps < order.steps)
    if (!trainer.advance())
      return fmt::format("{}; loss {:.3g}, error {:.3g}", trainer.ending(), trainer.state().point.value.loss,
                         trainer.loss_of_error().value_or(0));
  return fmt::format("all steps, loss {:.3g}, gradient norm {:.3g}", trainer.state().point.value.loss,
                     norm(trainer.state().point.value.gradient));
}

TEST(Ending, TellsRoundingFromTheErrorOfAPolynomial) {
  const Communicator comm(MPI_COMM_WORLD);
  TrainingCase c;
  c.rows = 10;
  c.model_dim = 2;
  c.dim = c.value_dim = 1;
  TrainOrder order = order_of(OptimizerKind::lbfgs, 1, 3000);
  const std::string exact = ending_of(comm, c, order);
  EXPECT_NE(exact.find("rounding in float64"), std::string::npos) << exact;
  order.options.method = Method::polynomial;
  order.options.features = 1;  // the constant: smooth, and far from the layer
  const std::string polynomial = ending_of(comm, c, order);
  EXPECT_NE(polynomial.find("--tolerance"), std::string::npos) << polynomial;
}

TEST(Trainer, StopsWithOneLineWhenTheLossIsNotFinite) {
  const Communicator comm(MPI_COMM_WORLD);
  const TrainingCase c;
  try {
    static_cast<void>(train(comm, c, order_of(OptimizerKind::gd, 1e300, 10), c.start()));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::failed);
    EXPECT_NE(std::string(error.what()).find("--learning-rate"), std::string::npos) << error.what();
  }
}

TEST(SameWeights, AreRequired) {
  const Communicator comm(MPI_COMM_WORLD);
  std::vector<double> weights = {1, 2, 3};
  require_same_weights(comm, weights, 7);
  if (comm.size() == 1) return;
  if (comm.rank() == 1) weights[1] = std::nextafter(weights[1], 3);
  try {
    require_same_weights(comm, weights, 7);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::failed);
    EXPECT_NE(std::string(error.what()).find("step 7"), std::string::npos);
  }
}

}  // namespace
}  // namespace tattn::training
