// Who judges the polynomial kernels: the twin against exact attention within the proven bounds, against
// the reference files, and against finite differences of itself.
#include <gtest/gtest.h>

#include <cmath>

#include "plan/score_bound.hpp"
#include "support/plain_attention.hpp"
#include "support/plain_polynomial.hpp"
#include "support/reference_file.hpp"
#include "support/sampled_case.hpp"
#include "support/tolerance.hpp"

namespace tattn::test {
namespace {

/// Largest bound of any score of the case.
double score_range(const Case& c) {
  const Shape& shape = c.problem.shape;
  std::vector<std::string> names{"Q"};
  for (int u = 0; u < shape.order; ++u) names.push_back(numbered("K", u));
  std::vector<std::vector<double>> peaks;
  for (const auto& name : names) {
    peaks.emplace_back(shape.dim, 0);
    plan::raise_column_peaks(c.in.at(name).data(), size_of(shape, name).rows, shape.dim, peaks.back().data());
  }
  const plan::Balance balance = plan::balance(peaks);
  std::vector<double> norms;
  for (std::size_t u = 0; u < names.size(); ++u)
    norms.push_back(plan::largest_row_norm(balance, static_cast<int>(u), c.in.at(names[u]).data(),
                                           size_of(shape, names[u]).rows));
  return plan::score_bound(balance, c.problem.scale, norms[0], std::span(norms).subspan(1));
}

plan::Walk certified_walk(const Case& c, const plan::ExpPolynomial& p) {
  plan::Walk walk = plan::full_walk(c.problem.shape.dim, p.degree);
  plan::set_weights(walk, p);
  return walk;
}

Shape shape_of_order(int order) {
  const std::vector<std::int64_t> lengths{4, 3, 2, 3};
  return make_shape(2, 3, {lengths.begin(), lengths.begin() + order}, 2, 3);
}

class Order : public testing::TestWithParam<int> {};

/// Softmax weights within 2e/(1-e) of themselves put O within that times sum P |V1 .. Vt|, and LSE within
/// -log(1-e); long double and the rounding of weights to double add `noise`.
TEST_P(Order, KeepsTheCertifiedBound) {
  const Case c = random_case(shape_of_order(GetParam()), 31, false, 0.4);
  const auto exact = plain_attention(c);
  Case magnitude = c;
  for (auto& [name, x] : magnitude.in)
    if (name.front() == 'V')
      for (double& v : x) v = std::abs(v);
  const auto largest = plain_attention(magnitude);
  for (const double tolerance : {1e-1, 1e-3, 1e-6, 1e-9}) {
    const auto p = plan::smallest_degree(score_range(c), tolerance, 40);
    ASSERT_TRUE(p);
    const plan::Walk walk = certified_walk(c, *p);
    const auto got = plain_polynomial(c, walk);
    const double noise = 4 * (p->degree + 2) * 0x1p-53 * p->condition;
    Matrix output = largest.at("O"), lse = exact.at("LSE");
    for (double& bound : output) bound *= plan::softmax_weight_error(p->certified_error + noise);
    for (double& bound : lse) bound = -std::log1p(-p->certified_error - noise) + 0x1p-52 * std::abs(bound);
    EXPECT_EQ(
        first_difference(got, {{"O", exact.at("O")}, {"LSE", exact.at("LSE")}}, {{"O", output}, {"LSE", lse}}), "");
  }
}

/// Weights P and P' (from p') within w of themselves give gradients within the bound that weights of
/// relative accuracy w give any method: rounding_bound allows at least 8 w.
TEST_P(Order, KeepsGradientsWithinTheSlopeBound) {
  const Case c = random_case(shape_of_order(GetParam()), 32, false, 0.4);
  const auto exact = plain_attention(c);
  for (const double tolerance : {1e-2, 1e-5, 1e-8}) {
    const auto p = plan::smallest_degree(score_range(c), tolerance, 40, plan::Target::gradients);
    ASSERT_TRUE(p);
    const auto got = plain_polynomial(c, certified_walk(c, *p));
    const double e =
        std::max(p->certified_error, p->certified_slope_error) + (p->degree + 2) * 0x1p-51 * p->condition;
    EXPECT_EQ(first_difference(got, exact, rounding_bound(c, {plan::softmax_weight_error(e), 0})), "");
  }
}

/// The four-point difference at two steps: its own change from one to the other is 15 times the error left.
TEST_P(Order, HasTheGradientsThatDifferencesShow) {
  Case c = rounded<float>(random_case(shape_of_order(GetParam()), 33, false, 0.7));
  plan::Walk walk = plan::full_walk(2, 4);
  for (std::size_t node = 3; node < walk.owned.size(); node += 4) {  // some nodes only pass through
    walk.owned[node] = 0;
    walk.weight[node] = 0;
  }
  const auto gradients = plain_polynomial(c, walk);
  double rounding = 0;  // of f, from O rounded to double
  for (std::size_t i = 0; i < c.in.at("dO").size(); ++i)
    rounding += 0x1p-53 * std::abs(c.in.at("dO")[i] * gradients.at("O")[i]);
  for (auto& [name, x] : c.in) {
    if (name == "dO") continue;
    for (std::size_t entry = 0; entry < x.size(); ++entry) {
      const double here = x[entry];
      const auto f = [&](double at) {
        x[entry] = at;
        const Matrix output = plain_polynomial(c, walk).at("O");
        x[entry] = here;
        long double sum = 0;
        for (std::size_t i = 0; i < output.size(); ++i)
          sum += static_cast<long double>(output[i]) * c.in.at("dO")[i];
        return sum;
      };
      const auto difference = [&](double h) {
        return (8 * (f(here + h) - f(here - h)) - (f(here + 2 * h) - f(here - 2 * h))) / (12 * h);
      };
      const double h = 0x1p-9;
      const auto coarse = difference(2 * h), fine = difference(h);
      const auto allowed = std::abs(coarse - fine) + 1.5 * rounding / h + 0x1p-52 * std::abs(fine);
      EXPECT_LE(std::abs(gradients.at("d" + name)[entry] - fine), allowed) << "d" << name << " " << entry;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, Order, testing::Range(1, kMaxOrder + 1));

/// Files with bounded scores, to nine digits of every softmax weight.
class OnFile : public testing::TestWithParam<std::string> {};

TEST_P(OnFile, GivesTheExpectedResults) {
  const Reference reference = read_reference(GetParam());
  const double range = score_range(reference.c);
  ASSERT_LT(range, 6) << "not a file with bounded scores";
  const auto p = plan::smallest_degree(range, 1e-9, 40, plan::Target::gradients);
  ASSERT_TRUE(p);
  const auto got = plain_polynomial(reference.c, certified_walk(reference.c, *p));
  const double e =
      std::max(p->certified_error, p->certified_slope_error) + (p->degree + 2) * 0x1p-51 * p->condition;
  const Arrays bound = rounding_bound(reference.c, {plan::softmax_weight_error(e), 0});
  EXPECT_EQ(first_difference(got, reference.expected, plus(reference_bound(reference.expected), bound)), "");
}

INSTANTIATE_TEST_SUITE_P(Reference, OnFile,
                         testing::Values("tiny", "order1", "order3", "bounded", "one_column", "one_row", "lengths",
                                         "odd"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tattn::test
