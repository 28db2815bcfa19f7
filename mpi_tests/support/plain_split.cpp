#include "support/plain_split.hpp"

#include <algorithm>
#include <cmath>

#include "comm/sampled_rows.hpp"
#include "support/plain_attention.hpp"
#include "support/plain_polynomial.hpp"
#include "support/tolerance.hpp"

namespace tattn::test {
namespace {

using Vector = std::vector<Real>;

std::int64_t rows_of(const Shape& shape, std::size_t operand) {
  return operand == 0 ? shape.rows : shape.key_rows[operand - 1];
}

/// The operand that a matrix called `name` goes with: 0 for Q, O, LSE, dO and dQ, u for K_u, V_u and their
/// gradients.
std::size_t operand_of(const std::string& name) {
  const char last = name.back();
  return last >= '1' && last <= '9' ? static_cast<std::size_t>(last - '0') : 0;
}

bool contains(const std::vector<std::int64_t>& rows, std::int64_t row) {
  return std::binary_search(rows.begin(), rows.end(), row);
}

/// f and df/dz of a tuple.
struct Weight {
  Real value = 0;
  Vector slope;
};

class Twin {
 public:
  Twin(const Case& c, const plan::Walk& walk, const plan::HeavyRows& heavy)
      : view_(c), shape_(c.problem.shape), walk_(walk), heavy_(heavy), sums_(shape_) {}

  Arrays run() {
    for (std::int64_t slice = 0; slice < shape_.slices; ++slice)
      for (std::int64_t i = 0; i < shape_.rows; ++i) row(slice, i);
    return sums_.rounded_to_double();
  }

 private:
  /// scale Q K1 .. Kt in column l without operand `except` (0: Q, whose factor scale stays).
  Real product(const SoftmaxRow& at, const Tuple& j, std::int64_t l, int except) const {
    Real z = view_.problem.scale;
    if (except != 0) z *= view_.query(at.slice, at.row, l);
    for (int u = 0; u < shape_.order; ++u)
      if (u + 1 != except) z *= view_.key[u](at.slice, j[u], l);
    return z;
  }

  bool is_heavy(const SoftmaxRow& at, const Tuple& j) const {
    if (contains(heavy_.rows[0], at.slice * shape_.rows + at.row)) return true;
    for (int u = 0; u < shape_.order; ++u)
      if (contains(heavy_.rows[u + 1], at.slice * shape_.key_rows[u] + j[u])) return true;
    return false;
  }

  Weight weight(const SoftmaxRow& at, std::size_t k) const {
    const Tuple& j = at.tuples[k];
    if (is_heavy(at, j)) return {std::exp(at.score[k]), Vector(shape_.dim, std::exp(at.score[k]))};
    Vector phi(walk_.parent.size(), 1), d_phi(walk_.weight.begin(), walk_.weight.end()), z;
    for (std::int64_t l = 0; l < shape_.dim; ++l) z.push_back(product(at, j, l, -1));
    Weight result{walk_.weight[0], Vector(shape_.dim, 0)};
    for (std::size_t node = 1; node < phi.size(); ++node) {
      phi[node] = phi[walk_.parent[node]] * z[walk_.variable[node]];
      result.value += walk_.weight[node] * phi[node];
    }
    for (std::size_t node = phi.size() - 1; node > 0; --node) {
      result.slope[walk_.variable[node]] += d_phi[node] * phi[walk_.parent[node]];
      d_phi[walk_.parent[node]] += d_phi[node] * z[walk_.variable[node]];
    }
    return result;
  }

  void row(std::int64_t slice, std::int64_t i) {
    const SoftmaxRow at = softmax_row(view_, slice, i);
    std::vector<Weight> weights;
    Real total = 0;
    for (std::size_t k = 0; k < at.tuples.size(); ++k) {
      weights.push_back(weight(at, k));
      total += weights.back().value;
    }
    Vector share;
    for (const Weight& w : weights) share.push_back(w.value / total);
    sums_.lse(slice, i, 0) = std::log(total);
    add_output(view_, at, share, sums_);
    Real delta = 0;
    for (std::int64_t m = 0; m < shape_.value_dim; ++m)
      delta += view_.upstream(slice, i, m) * sums_.output(slice, i, m);
    add_gradients(view_, at, share, Vector(at.tuples.size(), 0), sums_);  // of the values
    for (std::size_t k = 0; k < at.tuples.size(); ++k)
      add_slopes(at, at.tuples[k], weights[k].slope, (upstream_product(view_, at, at.tuples[k]) - delta) / total);
  }

  void add_slopes(const SoftmaxRow& at, const Tuple& j, const Vector& slope, Real d_weight) {
    for (std::int64_t l = 0; l < shape_.dim; ++l) {
      sums_.d_query(at.slice, at.row, l) += d_weight * slope[l] * product(at, j, l, 0);
      for (int u = 0; u < shape_.order; ++u)
        sums_.d_key[u](at.slice, j[u], l) += d_weight * slope[l] * product(at, j, l, u + 1);
    }
  }

  View view_;
  Shape shape_;
  const plan::Walk& walk_;
  const plan::HeavyRows& heavy_;
  Sums sums_;
};

/// Rows of `x` that are not heavy.
Matrix light_rows(const Matrix& x, std::int64_t columns, const std::vector<std::int64_t>& heavy) {
  Matrix light;
  for (std::int64_t row = 0; row < std::ssize(x) / columns; ++row)
    if (!contains(heavy, row))
      light.insert(light.end(), x.begin() + row * columns, x.begin() + (row + 1) * columns);
  return light;
}

}  // namespace

plan::HeavyRows draw_heavy(const Shape& shape, const plan::HeavyCounts& counts, std::uint64_t seed) {
  plan::HeavyRows heavy;
  heavy.counts = counts;
  for (std::size_t u = 0; u <= static_cast<std::size_t>(shape.order); ++u)
    for (std::int64_t slice = 0; slice < shape.slices; ++slice)
      for (const std::int64_t row : pick(rows_of(shape, u), counts[u], seed + slice, "heavy " + std::to_string(u)))
        heavy.rows[u].push_back(slice * rows_of(shape, u) + row);
  return heavy;
}

Case outliers(Case c, const plan::HeavyRows& heavy, double factor) {
  const std::int64_t dim = c.problem.shape.dim;
  for (int u = 0; u <= c.problem.shape.order; ++u)
    for (const std::int64_t row : heavy.rows[u])
      for (std::int64_t l = 0; l < dim; ++l) c.in.at(u == 0 ? "Q" : numbered("K", u - 1))[row * dim + l] *= factor;
  return c;
}

Arrays plain_split(const Case& c, const plan::Walk& walk, const plan::HeavyRows& heavy) {
  return Twin(c, walk, heavy).run();
}

Arrays split_rounding_bound(const Case& c, const plan::Walk& walk, const plan::HeavyRows& heavy,
                            const Arrays& truth, double eps, double smallest) {
  Arrays bound = rounding_bound(c, {eps, smallest});
  Case light = c;
  light.problem.shape = plan::part_shape(c.problem.shape, heavy.counts, plan::light_part());
  if (plan::has_tuples(light.problem.shape)) {
    const Shape& shape = c.problem.shape;
    for (auto& [name, x] : light.in) x = light_rows(x, size_of(shape, name).columns, heavy.rows[operand_of(name)]);
    Arrays of_light;
    for (const auto& [name, x] : truth)
      of_light[name] = light_rows(x, size_of(shape, name).columns, heavy.rows[operand_of(name)]);
    for (const auto& [name, x] : polynomial_rounding_bound(light, walk, of_light, eps)) {
      const std::int64_t columns = size_of(shape, name).columns;
      std::size_t from = 0;
      for (std::int64_t row = 0; row < size_of(shape, name).rows; ++row)
        for (std::int64_t k = 0; k < columns && !contains(heavy.rows[operand_of(name)], row); ++k)
          bound.at(name)[row * columns + k] += x[from++];
    }
  }
  return times(2, bound);
}

}  // namespace tattn::test
