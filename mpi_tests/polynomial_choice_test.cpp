// The choice of features: the same at any number of ranks, held to the tolerance by the exact results, its errors
// told as they are, and refused where it cannot be.
#include "polynomial/choose.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "polynomial/polynomial.hpp"
#include "support/judge.hpp"
#include "support/plan_run.hpp"
#include "support/sampled_case.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using polynomial::FeatureChoice;
using polynomial::FeatureRequest;

FeatureChoice choose(MPI_Comm handle, const Case& c, const FeatureRequest& request, Cut cut) {
  const Communicator comm(handle);
  Scattered<double> mine(handle, c, {cut, 1});
  return polynomial::choose_features<double>(comm, c.problem, mine.operands(), request);
}

/// Relative Frobenius error of O over all rows against the exact method. Collective.
double true_error(const Case& c, const plan::Walk& walk) {
  const Communicator comm(MPI_COMM_WORLD);
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  auto output = mine.result("O"), lse = mine.result("LSE");
  polynomial::forward<double>(comm, c.problem, walk, plan::default_grid(c.problem.shape, comm.size()),
                              mine.operands(), {}, {output.data_or_null(), lse.data_or_null()});
  const Matrix tried = mine.gather("O", output), exact = library_forward<double>(MPI_COMM_WORLD, c, {}).at("O");
  double difference = 0, size = 0;
  for (std::size_t x = 0; x < exact.size(); ++x) {
    difference += (tried[x] - exact[x]) * (tried[x] - exact[x]);
    size += exact[x] * exact[x];
  }
  return std::sqrt(difference / size);
}

Case anisotropic(int order, std::uint64_t seed) {
  const std::vector<std::int64_t> lengths{170, 150, 40};
  return spread_case(make_shape(1, 190, {lengths.begin(), lengths.begin() + order}, 6, 5), seed,
                     order < 3 ? std::vector<double>{1.6, 1.1, 0.8, 0.5, 0.3, 0.2}
                               : std::vector<double>{1.1, 0.9, 0.7, 0.5, 0.3, 0.2});
}

/// The largest relative error of O and the gradients over all rows.
double true_gradient_error(const Case& c, const Plan& plan, const Options& options) {
  const Arrays tried = by_plan<double>(c, plan, options), exact = library_attention<double>(MPI_COMM_WORLD, c, {});
  double worst = 0;
  for (const auto& name : result_names(c.problem.shape.order))
    if (name != "LSE") worst = std::max(worst, relative_error(tried.at(name), exact.at(name)));
  return worst;
}

Plan plan_for_upstream(const Case& c, const Options& options) {
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  Operands<double> operands = mine.operands();
  operands.upstream = mine.upstream();
  return make_plan<double>(MPI_COMM_WORLD, c.problem, operands, options, true);
}

/// Half of the tolerance is what the sampled rows must meet, and all rows are sampled here.
void expect_gradients_within(const Case& c, double tolerance) {
  Options options;
  options.method = Method::polynomial;
  options.tolerance = tolerance;
  options.reproducible = true;
  const Plan plan = plan_for_upstream(c, options);
  EXPECT_LE(*plan.measured_error, tolerance / 2);
  EXPECT_LE(true_gradient_error(c, plan, options), tolerance);
}

// A gradient for one row, that of largest scores, needs more than one for all rows alike.
TEST(FeatureChoice, IsJudgedByTheGradientsOfTheUpstreamThatIsKnown) {
  Case c = spread_case(make_shape(1, 60, {50, 40}, 4, 3), 3, {1.2, 0.9, 0.6, 0.4});
  std::size_t largest = 0;
  double most = 0;
  for (std::size_t i = 0; i < 60; ++i) {
    double norm = 0;
    for (std::size_t l = 0; l < 4; ++l) norm += std::pow(c.in.at("Q")[i * 4 + l], 2);
    if (norm > most) largest = i;
    most = std::max(most, norm);
  }
  Matrix& upstream = c.in.at("dO");
  for (std::size_t x = 0; x < upstream.size(); ++x)
    if (x / 3 != largest) upstream[x] = 0;
  for (const double tolerance : {1e-2, 1e-4}) expect_gradients_within(c, tolerance);
}

// dQ is not zero where a column of Q is: monomials that add nothing to O are needed for it.
TEST(FeatureChoice, FindsMonomialsOfColumnsThatAreZero) {
  for (const std::string zero : {"Q", "K2"}) {
    Case c = spread_case(make_shape(1, 60, {50, 40}, 4, 3), 4, {0.7, 0.6, 0.5, 0.4});
    Matrix& operand = c.in.at(zero);
    for (std::size_t x = 1; x < operand.size(); x += 4) operand[x] = 0;
    expect_gradients_within(c, 1e-3);
  }
}

TEST(FeatureChoice, IsTheSameAtAnyNumberOfRanks) {
  const Case c = anisotropic(2, 1);
  for (const bool gradients : {false, true}) {
    FeatureRequest request;
    request.tolerance = 1e-2;
    request.target = gradients ? plan::Target::gradients : plan::Target::output;
    const FeatureChoice alone = choose(MPI_COMM_SELF, c, request, Cut::even);
    const FeatureChoice together = choose(MPI_COMM_WORLD, c, request, Cut::uneven);
    EXPECT_EQ(alone.walk, together.walk);
    EXPECT_EQ(alone.measured_error, together.measured_error);
  }
}

// On rows that the set was not chosen on the error may differ from the one on all rows: by a factor of 4 at most,
// and beyond the tolerance by 3 at most, is what the method promises.
TEST(FeatureChoice, MeasuredHoldsTheToleranceAndTellsTheError) {
  for (int order = 1; order <= 3; ++order)
    for (const double tolerance : {1e-1, 1e-2, 1e-3, 1e-4}) {
      const Case c = anisotropic(order, static_cast<std::uint64_t>(order));
      FeatureRequest request;
      request.tolerance = tolerance;
      const FeatureChoice choice = choose(MPI_COMM_WORLD, c, request, Cut::even);
      const double error = true_error(c, choice.walk);
      ASSERT_TRUE(choice.measured_error.has_value());
      EXPECT_LE(error, 3 * tolerance) << "order " << order;
      EXPECT_LE(*choice.measured_error, tolerance) << "order " << order;
      EXPECT_LE(error, 4 * *choice.measured_error) << "order " << order << " tolerance " << tolerance;
      EXPECT_GE(4 * error, *choice.measured_error) << "order " << order << " tolerance " << tolerance;
      EXPECT_FALSE(choice.certified_error.has_value());
    }
}

TEST(FeatureChoice, CertifiedBoundHolds) {
  Case c = random_case(make_shape(1, 40, {30, 35}, 3, 4), 5, false, 0.1);
  for (double& v : c.in.at("V1")) v = std::abs(v);  // with values of one sign the weights' error bounds that of O
  for (double& v : c.in.at("V2")) v = std::abs(v);
  for (const double tolerance : {1e-1, 1e-3, 1e-5}) {
    FeatureRequest request;
    request.tolerance = tolerance;
    request.certified = true;
    const FeatureChoice choice = choose(MPI_COMM_WORLD, c, request, Cut::even);
    ASSERT_TRUE(choice.certified_error.has_value());
    EXPECT_LE(*choice.certified_error, tolerance);
    EXPECT_LE(true_error(c, choice.walk), *choice.certified_error);
    EXPECT_TRUE(choice.degree.has_value());
  }
}

TEST(FeatureChoice, FixedNumbersAreTakenAsTheyAre) {
  const Case c = anisotropic(2, 3);
  FeatureRequest request;
  request.features = 37;
  EXPECT_EQ(choose(MPI_COMM_WORLD, c, request, Cut::even).walk.features(), 37);
  request.features.reset();
  request.degree = 3;
  const FeatureChoice full = choose(MPI_COMM_WORLD, c, request, Cut::even);
  EXPECT_EQ(full.walk.features(), *plan::full_walk_size(6, 3));
  EXPECT_EQ(full.degree, 3);
}

TEST(FeatureChoice, RefusesScoresOutOfReachAndSaysTheRange) {
  Case c = random_case(make_shape(1, 60, {50, 40}, 16, 3), 6, false, 40.0);
  for (const bool certified : {false, true}) {
    FeatureRequest request;
    request.tolerance = 1e-6;
    request.certified = certified;
    try {
      choose(MPI_COMM_WORLD, c, request, Cut::even);
      ADD_FAILURE() << "taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::failed);
      EXPECT_NE(std::string(error.what()).find("scores reach"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("smaller scale"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace tattn::test
