// The library's door: a plan decides the method, tells why, and forward and gradient do as it says.
#include <gtest/gtest.h>

#include <cmath>

#include "method/decide.hpp"
#include "method/gemm_rate.hpp"
#include "plan/monomial_walk.hpp"
#include "support/judge.hpp"
#include "support/plan_run.hpp"
#include "support/sampled_case.hpp"
#include "tattn/attention.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

template <class T>
Plan plan_of(const Case& c, const Options& options, bool gradients) {
  Scattered<T> mine(MPI_COMM_WORLD, c, {});
  return make_plan<T>(MPI_COMM_WORLD, c.problem, mine.operands(), options, gradients);
}

Case decaying() {
  return spread_case(make_shape(1, 90, {80, 70}, 5, 4), 1, {1.1, 0.8, 0.5, 0.3, 0.2});
}

TEST(Plan, SmallProblemsAreExactAndSayWhy) {
  const Plan plan = plan_of<double>(random_case(make_shape(2, 9, {8, 7}, 3, 2), 2), {}, true);
  EXPECT_EQ(plan.method, Method::exact);
  EXPECT_NE(plan.reason.find("too little for finding features"), std::string::npos) << plan.reason;
  EXPECT_GT(plan.exact_seconds.value_or(0), 0);
  EXPECT_FALSE(plan.features.has_value());
}

// One column: a measured set of powers alone.
TEST(Plan, NarrowAndWideProblemsAreMeasured) {
  for (int order = 1; order <= kMaxOrder; ++order)
    for (const std::int64_t dim : {1, 2, 3, 40}) {
      const std::vector<std::int64_t> keys(static_cast<std::size_t>(order), 3);
      for (const Method method : {Method::automatic, Method::exact}) {
        Options options;
        options.method = method;
        const Plan plan = plan_of<float>(random_case(make_shape(1, 4, keys, dim, dim), 7), options, true);
        EXPECT_EQ(plan.method, Method::exact);
        EXPECT_GT(*plan.gradient->seconds, 0);
        EXPECT_TRUE(std::isfinite(*plan.forward.seconds));
      }
    }
}

TEST(Plan, CausalIsExact) {
  EXPECT_EQ(plan_of<float>(random_case(make_shape(1, 30, {30}, 3, 2), 3, true), {}, false).method, Method::exact);
}

// What is asked for is held on the rows that were measured; on all rows by a factor of 3.
TEST(Plan, PolynomialMeetsItsTolerance) {
  Options options;
  options.method = Method::polynomial;
  options.tolerance = 1e-2;
  const Case c = decaying();
  const Plan plan = plan_of<double>(c, options, true);
  EXPECT_EQ(plan.method, Method::polynomial);
  EXPECT_EQ(plan.slice_groups * plan.sequence_blocks * plan.feature_groups, size_of_comm(MPI_COMM_WORLD));
  const Arrays tried = by_plan<double>(c, plan, options), exact = library_attention<double>(MPI_COMM_WORLD, c, {});
  for (const auto& name : result_names(2))
    if (name != "LSE") {
      EXPECT_LE(relative_error(tried.at(name), exact.at(name)), 3 * options.tolerance) << name;
    }
}

// Chosen by nominal rates, told by those of this machine.
TEST(Plan, ReproducibleAutoIsTheSameAndPredictsWhatItTakes) {
  Options options;
  options.tolerance = 1e-2;
  options.reproducible = true;
  const Case c = spread_case(make_shape(1, 1500, {1500, 1500}, 4, 4), 1, {0.5, 0.4, 0.3, 0.2});
  const Plan plan = plan_of<float>(c, options, false), again = plan_of<float>(c, options, false);
  ASSERT_EQ(plan.method, Method::polynomial);
  EXPECT_TRUE(std::isfinite(*plan.forward.seconds) && *plan.forward.seconds > 0) << *plan.forward.seconds;
  EXPECT_EQ(plan.features, again.features);
  EXPECT_EQ(plan.heavy_rows, again.heavy_rows);
}

TEST(Plan, CallsWithoutAPlanMakeTheSame) {
  Options options;
  options.method = Method::polynomial;
  options.tolerance = 1e-2;
  options.reproducible = true;  // else the rates that each call measures have a say in its plan
  const Case c = decaying();
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  auto output = mine.result("O"), lse = mine.result("LSE");
  forward<double>(MPI_COMM_WORLD, c.problem, mine.operands(), options, {output.data_or_null(), lse.data_or_null()});
  const Arrays planned = by_plan<double>(c, plan_of<double>(c, options, false), options);
  EXPECT_EQ(mine.gather("O", output), planned.at("O"));
}

// Terms of both signs cancel for scores this large: float would leave exp(2R) eps.
TEST(Plan, RoundingMovesFloatToDouble) {
  Options options;
  options.method = Method::polynomial;
  options.certified = true;
  options.tolerance = 1e-4;
  Case c = rounded<float>(random_case(make_shape(1, 40, {30}, 2, 3), 4, false, 1.0));
  for (const char* name : {"Q", "K1"})
    for (double& x : c.in.at(name)) x = std::fmax(-1.0, std::fmin(1.0, x));
  c.problem.scale = 2.5;  // |s| <= 5
  const Plan plan = plan_of<float>(c, options, false);
  EXPECT_TRUE(plan.in_double);
  const Matrix tried = by_plan<float>(c, plan, options).at("O");
  const Matrix exact = library_attention<double>(MPI_COMM_WORLD, c, {}).at("O");
  // The weights are within the bound; O may be smaller than its terms by cancellation, here by no more than 10.
  EXPECT_LE(relative_error(tried, exact), 10 * *plan.certified_error);
}

TEST(Plan, WhatCannotBeIsRefused) {
  Options options;
  options.method = Method::polynomial;
  EXPECT_THROW((void)plan_of<double>(random_case(make_shape(1, 5, {5}, 2, 2), 5, true), options, false), Error);
  options.tolerance = 0;
  EXPECT_THROW((void)plan_of<double>(random_case(make_shape(1, 5, {5}, 2, 2), 6), options, false), Error);
}

// 1 + s is negative for the second query, which is what degree 1 makes of exp.
Case negative_normaliser() {
  Case c = random_case(make_shape(1, 3, {4}, 2, 2), 7);
  c.problem.scale = 1;
  c.in.at("Q") = {0.1, 0, 4, 0, 0, 0.1};
  c.in.at("K1") = {-1, 0, -1.1, 0.1, -0.9, 0, -1, -0.1};
  return c;
}

TEST(Plan, NormaliserThatIsNotPositiveIsAnErrorAndExactTheWayOut) {
  Options options;
  options.method = Method::polynomial;
  options.degree = 1;
  const Case c = negative_normaliser();
  EXPECT_THROW((void)by_plan<double>(c, plan_of<double>(c, options, true), options), NotPositive);
  Scattered<double> mine(MPI_COMM_WORLD, c, {});
  const Communicator comm(MPI_COMM_WORLD);
  const Plan instead = method::exact_instead<double>(comm, c.problem, mine.operands(), options,
                                                     {.gradients = true, .ranks = comm.size()});
  EXPECT_EQ(instead.method, Method::exact);
  EXPECT_NE(instead.reason.find("not positive"), std::string::npos) << instead.reason;
  EXPECT_EQ(by_plan<double>(c, instead, options).at("dK1"),
            library_attention<double>(MPI_COMM_WORLD, c, {}).at("dK1"));
}

// A set whose size is given may miss the tolerance, and auto must not take it then.
TEST(Plan, AutoTakesNoFixedSetThatMissesTheTolerance) {
  Options options;
  options.degree = 1;
  const Case c = random_case(make_shape(1, 2000, {2000, 2000}, 8, 8), 8, false, 1.0);
  const Plan plan = plan_of<float>(c, options, false);
  EXPECT_EQ(plan.method, Method::exact);
  EXPECT_NE(plan.reason.find("asked for do not meet"), std::string::npos) << plan.reason;
}

TEST(Plan, TooLittleMemoryIsRefused) {
  const Case c = decaying();
  Options options;
  options.method = Method::polynomial;
  options.tolerance = 1e-2;
  const Plan plan = plan_of<double>(c, options, false);
  options.memory_bytes = 1000;
  try {
    by_plan<double>(c, plan, options);
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::failed);
    EXPECT_NE(std::string(error.what()).find("not enough memory"), std::string::npos) << error.what();
  }
}

TEST(GemmAdvice, NamesTheKernelsThatFitAnUnknownProcessor) {
  using method::gemm_advice;
  EXPECT_NE(gemm_advice("Prescott", {"AVX3_DL", "AVX3", "AVX2"}).find("OPENBLAS_CORETYPE=SkylakeX "),
            std::string::npos);
  EXPECT_NE(gemm_advice("Prescott", {"AVX2", "SSE4"}).find("OPENBLAS_CORETYPE=Haswell "), std::string::npos);
  EXPECT_EQ(gemm_advice("Prescott", {"SSE4", "SSSE3"}), "");
  EXPECT_EQ(gemm_advice("Zen", {"AVX2", "SSE4"}), "");
}

}  // namespace
}  // namespace tattn::test
