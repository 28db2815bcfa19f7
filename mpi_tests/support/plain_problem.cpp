#include "support/plain_problem.hpp"

#include <cmath>

#include "support/plain_attention.hpp"

namespace tattn::test {
namespace {

/// A W for matrices with `inner` columns and rows.
Matrix product(const Matrix& a, const Matrix& w, std::int64_t inner) {
  const auto rows = static_cast<std::int64_t>(a.size()) / inner,
             columns = static_cast<std::int64_t>(w.size()) / inner;
  Matrix result(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < columns; ++l) {
      Real sum = 0;
      for (std::int64_t b = 0; b < inner; ++b) sum += Real{a[i * inner + b]} * w[b * columns + l];
      result[i * columns + l] = static_cast<double>(sum);
    }
  return result;
}

/// The A that a gradient of an operand is multiplied with, and the gradient of the weight.
struct Link {
  std::string weight, model, operand;
};

std::vector<Link> links(int order) {
  std::vector<Link> all{{"dX1", "A1", "dQ"}};
  for (int u = 0; u < order; ++u) all.push_back({numbered("dX", u + 1), numbered("A", u + 1), numbered("dK", u)});
  for (int u = 0; u < order; ++u)
    all.push_back({numbered("dY", u), numbered("A", u + 1 + order), numbered("dV", u)});
  return all;
}

}  // namespace

std::vector<double> ProblemCase::weights() const {
  std::vector<double> flat;
  for (const training::WeightView& view : weight_views(problem))
    flat.insert(flat.end(), in.at(view.name).begin(), in.at(view.name).end());
  return flat;
}

ProblemCase random_problem(const Shape& shape, std::int64_t model_dim, std::uint64_t seed, bool causal) {
  ProblemCase c{{{shape, 1.0 / static_cast<double>(shape.dim), causal}, model_dim}, {}};
  const auto put = [&](const std::string& name, std::int64_t entries, double deviation) {
    Matrix values = random_matrix(entries, seed, name);
    for (double& x : values) x = static_cast<double>(static_cast<float>(x * deviation));
    c.in[name] = values;
  };
  put("A1", shape.rows * model_dim, 1);
  put("E", shape.rows * shape.value_dim, 1);
  for (int u = 0; u < shape.order; ++u)
    for (const int number : {u + 1, u + 1 + shape.order})
      put(numbered("A", number), shape.key_rows[u] * model_dim, 1);
  for (const training::WeightView& view : weight_views(c.problem))
    put(view.name, view.size(), 1 / std::sqrt(static_cast<double>(model_dim)));
  return c;
}

Case projected(const ProblemCase& c) {
  Case result{c.problem.attention, {}};
  const std::int64_t a = c.problem.model_dim;
  result.in["Q"] = product(c.in.at("A1"), c.in.at("X1"), a);
  result.in["dO"] = c.in.at("E");
  for (int u = 0; u < c.order(); ++u) {
    result.in[numbered("K", u)] = product(c.in.at(numbered("A", u + 1)), c.in.at(numbered("X", u + 1)), a);
    result.in[numbered("V", u)] = product(c.in.at(numbered("A", u + 1 + c.order())), c.in.at(numbered("Y", u)), a);
  }
  return result;
}

Case lifted(const ProblemCase& c, const Case& projected, const Matrix& x) {
  const std::int64_t a = c.problem.model_dim;
  Case result = projected;
  result.problem.shape.dim = a * a;
  result.in["Q"] = product(c.in.at("A1"), x, a);
  for (int u = 0; u < 2; ++u) {
    Matrix& key = result.in[numbered("K", u)];
    key.clear();
    for (std::int64_t j = 0; j < projected.problem.shape.key_rows[u]; ++j)
      for (std::int64_t column = 0; column < a * a; ++column)
        key.push_back(c.in.at(numbered("A", u + 1))[j * a + (u == 0 ? column / a : column % a)]);
  }
  return result;
}

Matrix whole_weight(const ProblemCase& c) {
  const std::int64_t a = c.problem.model_dim, d = c.problem.attention.shape.dim;
  Matrix x;
  for (std::int64_t q = 0; q < a; ++q)
    for (std::int64_t column = 0; column < a * a; ++column) {
      Real sum = 0;
      for (std::int64_t l = 0; l < d; ++l)
        sum +=
            Real{c.in.at("X1")[q * d + l]} * c.in.at("X2")[column / a * d + l] * c.in.at("X3")[column % a * d + l];
      x.push_back(static_cast<double>(sum));
    }
  return x;
}

Matrix transposed_product(const Matrix& a, const Matrix& g, std::int64_t rows) {
  const auto left = static_cast<std::int64_t>(a.size()) / rows, right = static_cast<std::int64_t>(g.size()) / rows;
  Matrix result;
  for (std::int64_t b = 0; b < left; ++b)
    for (std::int64_t l = 0; l < right; ++l) {
      Real sum = 0;
      for (std::int64_t i = 0; i < rows; ++i) sum += Real{a[i * left + b]} * g[i * right + l];
      result.push_back(static_cast<double>(sum));
    }
  return result;
}

double plain_loss(const Case& c) {
  const Matrix output = plain_attention(c).at("O"), &target = c.in.at("dO");
  Real sum = 0;
  for (std::size_t x = 0; x < output.size(); ++x)
    sum += (Real{output[x]} - target[x]) * (Real{output[x]} - target[x]);
  return static_cast<double>(sum / 2);
}

Arrays weight_gradients(const ProblemCase& c, const Arrays& gradients) {
  Arrays result;
  for (const auto& [weight, model, operand] : links(c.order()))
    result[weight] =
        transposed_product(c.in.at(model), gradients.at(operand), size_of(c.problem.attention.shape, operand).rows);
  return result;
}

Arrays weight_bound(ProblemCase c, const Arrays& gradients, Arrays bound) {
  for (auto& [name, values] : c.in)
    for (double& x : values) x = std::abs(x);
  for (const auto& [weight, model, operand] : links(c.order()))
    for (std::size_t x = 0; x < bound.at(operand).size(); ++x)
      bound.at(operand)[x] += std::numeric_limits<double>::epsilon() *
                              static_cast<double>(size_of(c.problem.attention.shape, operand).rows) *
                              std::abs(gradients.at(operand)[x]);
  return weight_gradients(c, bound);
}

}  // namespace tattn::test
