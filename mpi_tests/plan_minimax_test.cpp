// The polynomials of exp: against the smallest possible errors, and their certificate against the error.
#include "plan/minimax.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

using Real = long double;

/// A row of data/reference/minimax_degrees.csv: best errors E(degree) and E(degree - 1) on [-range, range].
struct Best {
  double range = 0, tolerance = 0;
  int degree = 0;
  double error = 0, error_before = 0;
};

std::vector<Best> read_table() {
  std::ifstream file(TATTN_DATA "/reference/minimax_degrees.csv");
  std::vector<Best> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line[0] == 'R') continue;
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    Best row;
    int taylor = 0, chebyshev = 0;
    words >> row.range >> row.tolerance >> row.degree >> taylor >> chebyshev >> row.error >> row.error_before;
    if (words) rows.push_back(row);
  }
  return rows;
}

/// |p(x) exp(-x) - 1| on a dense grid; `slope`: with p' for p.
Real sampled_error(const ExpPolynomial& p, bool slope) {
  constexpr int kPoints = 4000;
  Real worst = 0;
  for (int i = 0; i <= kPoints; ++i) {
    const Real x = static_cast<Real>(p.range) * (2 * static_cast<Real>(i) / kPoints - 1);
    Real value = 0;
    for (int k = p.degree; k >= (slope ? 1 : 0); --k)
      value = value * x + (slope ? k : 1) * static_cast<Real>(p.coefficients[k]);
    worst = std::max(worst, std::abs(value * std::exp(-x) - 1));
  }
  return worst;
}

TEST(Minimax, MeetsTheTableOfSmallestErrors) {
  const auto table = read_table();
  ASSERT_EQ(table.size(), 30U);
  for (const Best& row : table) {
    const double printed = 5e-4;  // four digits
    const ExpPolynomial p = relative_minimax_exp(row.range, row.degree);
    EXPECT_LE(p.certified_error, row.error * 1.01) << "range " << row.range << " degree " << row.degree;
    EXPECT_GE(p.certified_error, row.error * (1 - printed)) << "range " << row.range << " degree " << row.degree;
    const ExpPolynomial before = relative_minimax_exp(row.range, row.degree - 1);
    EXPECT_NEAR(before.certified_error, row.error_before, 0.01 * row.error_before)
        << row.range << " " << row.degree;
    EXPECT_NEAR(before.best_possible, row.error_before, printed * row.error_before)
        << row.range << " " << row.degree;
  }
}

TEST(Minimax, FindsTheSmallestDegreeOfTheTable) {
  for (const Best& row : read_table()) {
    const auto p = smallest_degree(row.range, row.tolerance, 40);
    ASSERT_TRUE(p) << row.range << " " << row.tolerance;
    EXPECT_EQ(p->degree, row.degree) << row.range << " " << row.tolerance;
    EXPECT_LE(p->certified_error, row.tolerance);
    EXPECT_EQ(degree_in_exact_arithmetic(row.range, row.tolerance), row.degree);
  }
}

/// The certificate against the error itself, sampled in long double. Sampling rounds by at most 2 (degree + 2)
/// roundoffs times the condition, the certificate allows 6 (degree + 1) + 64 times that and exp.
TEST(Minimax, CertificateHoldsAndIsTight) {
  const Real roundoff = std::numeric_limits<Real>::epsilon() / 2;
  for (const double range : {1e-300, 1e-6, 0.01, 0.3, 1.0, 2.5, 5.0, 8.0, 12.0, 16.0, 40.0})
    for (const int degree : {0, 1, 2, 3, 5, 8, 13, 20, 33, 60})
      for (const Target target : {Target::output, Target::gradients}) {
        const ExpPolynomial p = relative_minimax_exp(range, degree, target);
        for (const bool slope : {false, true}) {
          const Real condition = static_cast<Real>(p.condition) * (slope ? degree + 1 : 1);
          const Real error = sampled_error(p, slope),
                     certified = slope ? p.certified_slope_error : p.certified_error;
          EXPECT_GE(certified, error - 2 * (degree + 2) * roundoff * condition)
              << range << " " << degree << " slope " << slope;
          EXPECT_LE(certified, 1.02L * error + 4 * (6 * (degree + 1) + 64) * roundoff * condition)
              << range << " " << degree << " slope " << slope;
        }
      }
}

/// Rounding coefficients to double costs at most half an ulp each, whatever the degree.
TEST(Minimax, HighDegreesStayAtTheRoundingOfCoefficients) {
  for (const double range : {0.5, 1.0, 3.0, 6.0, 10.0})
    for (const int degree : {30, 40, 60, 100}) {
      const ExpPolynomial p = relative_minimax_exp(range, degree);
      EXPECT_LE(p.certified_error, 2 * std::numeric_limits<double>::epsilon() * p.condition)
          << range << " " << degree;
      EXPECT_GE(p.condition, std::exp(2 * range) * (1 - 0x1p-30));
      EXPECT_LE(p.condition, std::exp(2 * range) * 8);
    }
}

TEST(Minimax, GradientsTakeADegreeMoreAtMost) {
  for (const double range : {0.5, 2.0, 6.0})
    for (const double tolerance : {1e-2, 1e-4, 1e-6}) {
      const auto output = smallest_degree(range, tolerance, 60),
                 gradient = smallest_degree(range, tolerance, 60, Target::gradients);
      ASSERT_TRUE(output && gradient);
      EXPECT_LE(gradient->certified_slope_error, tolerance);
      EXPECT_GE(gradient->degree, output->degree);
      EXPECT_LE(gradient->degree, output->degree + 1);
      EXPECT_LE(gradient->certified_error, 1.01 * gradient->certified_slope_error);
    }
}

TEST(Minimax, SaysWhenNoDegreeServes) {
  EXPECT_FALSE(smallest_degree(6, 1e-8, 18));
  EXPECT_TRUE(smallest_degree(6, 1e-8, 19));
  EXPECT_FALSE(smallest_degree(25, 1e-2, kLargestDegree)) << "exp(50) roundings exceed 1";
  EXPECT_TRUE(degree_in_exact_arithmetic(25, 1e-2));
  EXPECT_FALSE(smallest_degree(1e6, 0.5, kLargestDegree));
  EXPECT_FALSE(smallest_degree(std::numeric_limits<double>::infinity(), 0.5, 10));
  EXPECT_THROW(relative_minimax_exp(-1, 3), Error);
  EXPECT_THROW(relative_minimax_exp(std::nan(""), 3), Error);
  EXPECT_THROW(relative_minimax_exp(1, kLargestDegree + 1), Error);
}

TEST(Minimax, OfNoRangeIsExact) {
  const ExpPolynomial p = relative_minimax_exp(0, 3);
  EXPECT_EQ(p.coefficients.front(), 1);
  EXPECT_EQ(p.certified_error, 0);
  EXPECT_EQ(smallest_degree(0, 0, 5)->degree, 0);
}

TEST(Minimax, SoftmaxWeightsBoundBothWays) {
  for (const double e : {1e-12, 1e-3, 0.3}) {
    EXPECT_NEAR(softmax_weight_error(e), (1 + e) / (1 - e) - 1, 4 * std::numeric_limits<double>::epsilon());
    EXPECT_NEAR(exp_error_for(softmax_weight_error(e)), e, 8 * std::numeric_limits<double>::epsilon() * e);
  }
  EXPECT_EQ(softmax_weight_error(1), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace tattn::plan
