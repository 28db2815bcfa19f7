#include "support/plain_attention.hpp"

#include <algorithm>
#include <cmath>

namespace tattn::test {
namespace {

/// X1[j1,column] .. Xt[jt,column], without factor `except`.
Real product(const std::array<Entries<const double>, kMaxOrder>& x, int order, std::int64_t slice, const Tuple& j,
             std::int64_t column, int except = -1) {
  Real result = 1;
  for (int u = 0; u < order; ++u)
    if (u != except) result *= x[u](slice, j[u], column);
  return result;
}

/// Every (j1, .., jt) that row `row` may see, the last index fastest.
std::vector<Tuple> key_tuples(const Problem& problem, std::int64_t row) {
  std::vector<Tuple> tuples{Tuple{}};
  for (int u = 0; u < problem.shape.order; ++u) {
    const std::int64_t end = problem.causal ? row + 1 : problem.shape.key_rows[u];
    std::vector<Tuple> longer;
    for (Tuple tuple : tuples)
      for (tuple[u] = 0; tuple[u] < end; ++tuple[u]) longer.push_back(tuple);
    tuples = std::move(longer);
  }
  return tuples;
}

Real score(const View& c, std::int64_t slice, std::int64_t row, const Tuple& j) {
  Real sum = 0;
  for (std::int64_t l = 0; l < c.problem.shape.dim; ++l)
    sum += c.query(slice, row, l) * product(c.key, c.problem.shape.order, slice, j, l);
  return c.problem.scale * sum;
}

template <class T, class Memory>
Entries<T> entries(const Shape& shape, const std::string& name, Memory& memory) {
  const Size size = size_of(shape, name);
  return {memory.at(name).data(), size.rows / shape.slices, size.columns};
}

}  // namespace

View::View(const Case& c) : problem(c.problem) {
  const Shape& shape = problem.shape;
  query = entries<const double>(shape, "Q", c.in);
  upstream = entries<const double>(shape, "dO", c.in);
  for (int u = 0; u < shape.order; ++u) {
    key[u] = entries<const double>(shape, numbered("K", u), c.in);
    value[u] = entries<const double>(shape, numbered("V", u), c.in);
  }
}

Sums::Sums(const Shape& shape) {
  for (const auto& name : result_names(shape.order)) memory_[name].assign(size_of(shape, name).count(), 0);
  output = entries<Real>(shape, "O", memory_);
  lse = entries<Real>(shape, "LSE", memory_);
  d_query = entries<Real>(shape, "dQ", memory_);
  for (int u = 0; u < shape.order; ++u) {
    d_key[u] = entries<Real>(shape, numbered("dK", u), memory_);
    d_value[u] = entries<Real>(shape, numbered("dV", u), memory_);
  }
}

Arrays Sums::rounded_to_double() const {
  Arrays result;
  for (const auto& [name, values] : memory_)
    for (const Real x : values) result[name].push_back(static_cast<double>(x));
  return result;
}

SoftmaxRow softmax_row(const View& c, std::int64_t slice, std::int64_t row) {
  SoftmaxRow at{slice, row, key_tuples(c.problem, row), {}, {}, 0};
  for (const Tuple& j : at.tuples) at.score.push_back(score(c, slice, row, j));
  const Real top = *std::max_element(at.score.begin(), at.score.end());
  Real sum = 0;
  for (const Real s : at.score) sum += std::exp(s - top);
  for (const Real s : at.score) at.weight.push_back(std::exp(s - top) / sum);
  at.lse = top + std::log(sum);
  return at;
}

Real upstream_product(const View& c, const SoftmaxRow& at, const Tuple& j) {
  Real sum = 0;
  for (std::int64_t m = 0; m < c.problem.shape.value_dim; ++m)
    sum += c.upstream(at.slice, at.row, m) * product(c.value, c.problem.shape.order, at.slice, j, m);
  return sum;
}

void add_output(const View& c, const SoftmaxRow& at, const std::vector<Real>& weight, Sums& sums) {
  for (std::size_t k = 0; k < at.tuples.size(); ++k)
    for (std::int64_t m = 0; m < c.problem.shape.value_dim; ++m)
      sums.output(at.slice, at.row, m) +=
          weight[k] * product(c.value, c.problem.shape.order, at.slice, at.tuples[k], m);
}

void add_gradients(const View& c, const SoftmaxRow& at, const std::vector<Real>& weight,
                   const std::vector<Real>& ds, Sums& sums) {
  const Shape& shape = c.problem.shape;
  const Real scale = c.problem.scale;
  const std::int64_t b = at.slice, i = at.row;
  for (std::size_t k = 0; k < at.tuples.size(); ++k) {
    const Tuple& j = at.tuples[k];
    for (std::int64_t l = 0; l < shape.dim; ++l) {
      sums.d_query(b, i, l) += scale * ds[k] * product(c.key, shape.order, b, j, l);
      for (int u = 0; u < shape.order; ++u)
        sums.d_key[u](b, j[u], l) += scale * ds[k] * c.query(b, i, l) * product(c.key, shape.order, b, j, l, u);
    }
    for (std::int64_t m = 0; m < shape.value_dim; ++m)
      for (int u = 0; u < shape.order; ++u)
        sums.d_value[u](b, j[u], m) += weight[k] * c.upstream(b, i, m) * product(c.value, shape.order, b, j, m, u);
  }
}

Arrays plain_attention(const Case& c) {
  const View view(c);
  const Shape& shape = c.problem.shape;
  Sums sums(shape);
  for (std::int64_t b = 0; b < shape.slices; ++b) {
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      const SoftmaxRow at = softmax_row(view, b, i);
      sums.lse(b, i, 0) = at.lse;
      add_output(view, at, at.weight, sums);

      Real delta = 0;
      for (std::int64_t m = 0; m < shape.value_dim; ++m) delta += view.upstream(b, i, m) * sums.output(b, i, m);
      std::vector<Real> ds;
      for (std::size_t k = 0; k < at.tuples.size(); ++k)
        ds.push_back(at.weight[k] * (upstream_product(view, at, at.tuples[k]) - delta));
      add_gradients(view, at, at.weight, ds, sums);
    }
  }
  return sums.rounded_to_double();
}

}  // namespace tattn::test
