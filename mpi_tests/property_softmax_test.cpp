// What the formulas promise for any operands: drawn by RapidCheck, the same on every rank (main.cpp seeds it).
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/draw.hpp"

namespace tattn::test {
namespace {

template <class T>
Arrays compute(const Case& c) {
  return library_attention<T>(MPI_COMM_WORLD, c, {Cut::uneven, 2});
}

/// What two results of equal value may differ by, each within the bound of the same case.
Arrays twice_bound(const Case& c) {
  return times(2, rounding_bound(c, precision_of<double>()));
}

/// The rows of `matrix` in another order: row i of the result is row order[i] of each slice.
Matrix permuted(const Matrix& matrix, const std::vector<std::int64_t>& order, std::int64_t columns) {
  Matrix result;
  const auto rows = static_cast<std::int64_t>(order.size());
  for (std::int64_t first = 0; first < static_cast<std::int64_t>(matrix.size()) / columns; first += rows)
    for (const std::int64_t row : order)
      result.insert(result.end(), matrix.begin() + (first + row) * columns,
                    matrix.begin() + (first + row + 1) * columns);
  return result;
}

RC_GTEST_PROP(Softmax, PermutedKeysPermuteTheirGradientsAndLeaveTheRest, ()) {
  const Case c = draw_case(*rc::gen::inRange(1, kMaxOrder + 1));  // without causality, which is about order
  const Shape& shape = c.problem.shape;
  const int u = *rc::gen::inRange(0, shape.order);
  std::vector<std::int64_t> order(shape.key_rows[u]);
  std::iota(order.begin(), order.end(), 0);
  const auto keys =
      *rc::gen::container<std::vector<std::uint32_t>>(order.size(), rc::gen::arbitrary<std::uint32_t>());
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return keys[a] < keys[b]; });

  Case moved = c;
  Arrays expected = compute<double>(c);
  const Arrays got = [&] {
    moved.in[numbered("K", u)] = permuted(c.in.at(numbered("K", u)), order, shape.dim);
    moved.in[numbered("V", u)] = permuted(c.in.at(numbered("V", u)), order, shape.value_dim);
    return compute<double>(moved);
  }();
  expected[numbered("dK", u)] = permuted(expected.at(numbered("dK", u)), order, shape.dim);
  expected[numbered("dV", u)] = permuted(expected.at(numbered("dV", u)), order, shape.value_dim);
  require([&] { return first_difference(got, expected, twice_bound(moved)); });
}

/// One more column at the end of each row.
Matrix with_column(const Matrix& matrix, std::int64_t columns, double value) {
  Matrix result;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    result.push_back(matrix[i]);
    if ((i + 1) % static_cast<std::size_t>(columns) == 0) result.push_back(value);
  }
  return result;
}

// One more feature, 1 everywhere but `shift` in one operand, adds scale * shift to every score.
RC_GTEST_PROP(Softmax, AConstantInTheScoresMovesOnlyLse, ()) {
  const Case c = draw_case();
  const int u = *rc::gen::inRange(0, c.problem.shape.order);
  const double shift = *rc::gen::inRange(-50, 51);
  Case shifted = c;
  ++shifted.problem.shape.dim;
  shifted.in["Q"] = with_column(c.in.at("Q"), c.problem.shape.dim, 1);
  for (int k = 0; k < c.problem.shape.order; ++k)
    shifted.in[numbered("K", k)] = with_column(c.in.at(numbered("K", k)), c.problem.shape.dim, k == u ? shift : 1);

  Arrays before = compute<double>(c);
  const Arrays after = compute<double>(shifted);
  std::vector<std::string> names{"O", "LSE"};
  for (int k = 0; k < c.problem.shape.order; ++k) names.push_back(numbered("dV", k));
  for (double& lse : before.at("LSE")) lse += c.problem.scale * shift;
  require([&] { return first_difference(after, only(before, names), twice_bound(shifted)); });
}

// A last operand of one row of ones multiplies every score and every value by one.
RC_GTEST_PROP(Softmax, OneKeyOfOnesReducesTheOrder, ()) {
  const int order = *rc::gen::inRange(1, kMaxOrder);
  const Case c = draw_case(order);
  Case longer = c;
  longer.problem.shape.order = order + 1;
  longer.problem.shape.key_rows[order] = 1;
  longer.in[numbered("K", order)] = Matrix(longer.problem.shape.slices * c.problem.shape.dim, 1.0);
  longer.in[numbered("V", order)] = Matrix(longer.problem.shape.slices * c.problem.shape.value_dim, 1.0);
  const Arrays shorter = compute<double>(c), got = compute<double>(longer);
  require([&] { return first_difference(got, shorter, twice_bound(longer)); });
}

Matrix combined(double a, const Matrix& x, double b, const Matrix& y) {
  Matrix result = x;
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = a * x[i] + b * y[i];
  return result;
}

RC_GTEST_PROP(Softmax, OutputIsLinearInEachValue, ()) {
  const Case c = draw_case();
  const std::string name = numbered("V", *rc::gen::inRange(0, c.problem.shape.order));
  const double a = *rc::gen::inRange(-3, 4), b = *rc::gen::inRange(-3, 4);
  Case other = c, sum = c;
  other.in[name] = random_matrix(static_cast<std::int64_t>(c.in.at(name).size()), 99, name);
  sum.in[name] = combined(a, c.in.at(name), b, other.in.at(name));
  const Matrix x = compute<double>(c).at("O"), y = compute<double>(other).at("O"), z = compute<double>(sum).at("O");
  require([&] {
    const Precision precision = precision_of<double>();
    const Matrix both = combined(std::abs(a), rounding_bound(c, precision).at("O"), std::abs(b),
                                 rounding_bound(other, precision).at("O"));
    const Matrix bound = combined(1, both, 1, rounding_bound(sum, precision).at("O"));
    return first_difference({{"O", z}}, {{"O", combined(a, x, b, y)}}, {{"O", bound}});
  });
}

/// sum over the entries of |a| b: what an error of b within its bound does to <a, b>.
double weighted(const Matrix& a, const Matrix& bound) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i]) * bound[i];
  return sum;
}

// Scores are linear in Q and in each K, the output in each V. So <dQ, Q> = <dK_u, K_u> and <dV_u, V_u> = <dO, O>.
RC_GTEST_PROP(Softmax, EveryOperandSeesTheSameDerivativeAlongItself, ()) {
  const Case c = draw_case();
  Arrays got = compute<double>(c);
  require([&]() -> std::string {
    const Arrays bound = rounding_bound(c, precision_of<double>());
    const auto inner = [](const Matrix& a, const Matrix& b) {
      return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    for (int u = 0; u < c.problem.shape.order; ++u) {
      const std::string k = numbered("K", u), v = numbered("V", u);
      const double keys = inner(got["d" + k], c.in.at(k)) - inner(got["dQ"], c.in.at("Q"));
      const double values = inner(got["d" + v], c.in.at(v)) - inner(got["O"], c.in.at("dO"));
      if (!(std::abs(keys) <= weighted(c.in.at(k), bound.at("d" + k)) + weighted(c.in.at("Q"), bound.at("dQ"))))
        return "<d" + k + ", " + k + "> is not <dQ, Q>";
      if (!(std::abs(values) <= weighted(c.in.at(v), bound.at("d" + v)) + weighted(c.in.at("dO"), bound.at("O"))))
        return "<d" + v + ", " + v + "> is not <dO, O>";
    }
    return "";
  });
}

}  // namespace
}  // namespace tattn::test
