#include "support/plain_polynomial.hpp"

#include <algorithm>
#include <cmath>

#include "support/plain_attention.hpp"
#include "support/tolerance.hpp"

namespace tattn::test {
namespace {

using Vector = std::vector<Real>;
using Rows = std::vector<Vector>;  // by row or by node

/// Phi of one row.
Vector features(const plan::Walk& walk, const Vector& x) {
  Vector phi(walk.parent.size(), 1);
  for (std::size_t node = 1; node < phi.size(); ++node) phi[node] = phi[walk.parent[node]] * x[walk.variable[node]];
  return phi;
}

/// Adjoint of features: each node hands its own adjoint to its parent and its variable.
Vector features_backward(const plan::Walk& walk, const Vector& x, const Vector& phi, Vector d_phi) {
  Vector d_x(x.size(), 0);
  for (std::size_t node = phi.size() - 1; node > 0; --node) {
    d_x[walk.variable[node]] += d_phi[node] * phi[walk.parent[node]];
    d_phi[walk.parent[node]] += d_phi[node] * x[walk.variable[node]];
  }
  return d_x;
}

Vector row_of(const Entries<const double>& x, std::int64_t slice, std::int64_t row, Real factor) {
  Vector result;
  for (std::int64_t l = 0; l < x.columns; ++l) result.push_back(factor * x(slice, row, l));
  return result;
}

Vector with_one(Vector value) {
  value.push_back(1);
  return value;
}

/// sum += a b^T
void add_outer(const Vector& a, const Vector& b, Rows& sum) {
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t m = 0; m < b.size(); ++m) sum[i][m] += a[i] * b[m];
}

/// a^T x and x b
Vector left_product(const Vector& a, const Rows& x) {
  Vector result(x.front().size(), 0);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t m = 0; m < result.size(); ++m) result[m] += a[i] * x[i][m];
  return result;
}

Vector right_product(const Rows& x, const Vector& b) {
  Vector result(x.size(), 0);
  for (std::size_t i = 0; i < result.size(); ++i)
    for (std::size_t m = 0; m < b.size(); ++m) result[i] += x[i][m] * b[m];
  return result;
}

class SlicePass {
 public:
  /// With `truth` (O and LSE), view and walk hold absolute values and the pass gives condition sums.
  SlicePass(const View& view, const plan::Walk& walk, std::int64_t slice, Sums& sums, const Arrays* truth)
      : view_(view), shape_(view.problem.shape), walk_(walk), slice_(slice), sums_(sums), truth_(truth) {}

  void forward() {
    for (int u = 0; u < shape_.order; ++u) {
      moments_.push_back(zero());
      for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j)
        add_outer(features(walk_, key(u, j)), value(u, j), moments_.back());
    }
    product_ = product(-1);
    for (std::int64_t i = 0; i < shape_.rows; ++i) {
      numerator_.push_back(left_product(features(walk_, query(i)), product_));
      finish(i, numerator_.back());
    }
  }

  void backward() {
    Rows d_product = zero();
    for (std::int64_t i = 0; i < shape_.rows; ++i) {
      const Vector q = query(i), phi = features(walk_, q), d_numerator = numerator_adjoint(i);
      add_outer(phi, d_numerator, d_product);
      const Vector d_q = features_backward(walk_, q, phi, right_product(product_, d_numerator));
      for (std::int64_t l = 0; l < shape_.dim; ++l) sums_.d_query(slice_, i, l) = view_.problem.scale * d_q[l];
    }
    for (int u = 0; u < shape_.order; ++u) keys_backward(u, d_product);
  }

 private:
  Rows zero() const { return Rows(walk_.parent.size(), Vector(shape_.value_dim + 1, 0)); }
  Vector query(std::int64_t i) const { return row_of(view_.query, slice_, i, view_.problem.scale); }
  Vector key(int u, std::int64_t j) const { return row_of(view_.key[u], slice_, j, 1); }
  Vector value(int u, std::int64_t j) const { return with_one(row_of(view_.value[u], slice_, j, 1)); }

  /// weight * M_1 * .. * M_t without M_except.
  Rows product(int except) const {
    Rows result = zero();
    for (std::size_t node = 0; node < result.size(); ++node)
      for (std::size_t m = 0; m < result[node].size(); ++m) {
        result[node][m] = walk_.weight[node];
        for (int u = 0; u < shape_.order; ++u)
          if (u != except) result[node][m] *= moments_[u][node][m];
      }
    return result;
  }

  Real true_normaliser(std::int64_t i) const {
    return std::exp(static_cast<Real>(truth_->at("LSE")[slice_ * shape_.rows + i]));
  }

  /// O and LSE of row i; as conditions, how far N's relative error in units of its condition moves them.
  void finish(std::int64_t i, const Vector& n) {
    const Real normaliser = truth_ ? true_normaliser(i) : n.back();
    for (std::int64_t m = 0; m < shape_.value_dim; ++m) {
      Real& output = sums_.output(slice_, i, m);
      output = n[m] / normaliser;
      if (truth_)
        output +=
            std::abs(truth_->at("O")[(slice_ * shape_.rows + i) * shape_.value_dim + m]) * n.back() / normaliser;
    }
    sums_.lse(slice_, i, 0) = truth_ ? n.back() / normaliser : std::log(n.back());
  }

  /// dN = [dO, -dO.O] / N[:, dv]; as conditions every term counts, times the condition of N[:, dv].
  Vector numerator_adjoint(std::int64_t i) const {
    Vector adjoint(shape_.value_dim + 1, 0);
    const Real share = truth_ ? sums_.lse(slice_, i, 0) / true_normaliser(i) : 1 / numerator_[i].back();
    for (std::int64_t m = 0; m < shape_.value_dim; ++m) {
      const Real d_output = view_.upstream(slice_, i, m) * share;
      adjoint[m] = d_output;
      adjoint.back() += (truth_ ? 1 : -1) * d_output * sums_.output(slice_, i, m);
    }
    return adjoint;
  }

  void keys_backward(int u, const Rows& d_product) {
    Rows d_moment = product(u);
    for (std::size_t node = 0; node < d_moment.size(); ++node)
      for (std::size_t m = 0; m < d_moment[node].size(); ++m) d_moment[node][m] *= d_product[node][m];
    for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j) {
      const Vector k = key(u, j), phi = features(walk_, k), d_value = left_product(phi, d_moment);
      const Vector d_key = features_backward(walk_, k, phi, right_product(d_moment, value(u, j)));
      for (std::int64_t l = 0; l < shape_.dim; ++l) sums_.d_key[u](slice_, j, l) = d_key[l];
      for (std::int64_t m = 0; m < shape_.value_dim; ++m) sums_.d_value[u](slice_, j, m) = d_value[m];
    }
  }

  const View& view_;
  const Shape& shape_;
  const plan::Walk& walk_;
  std::int64_t slice_;
  Sums& sums_;
  const Arrays* truth_;
  std::vector<Rows> moments_;  // by key: nodes x (dv + 1)
  Rows product_;               // G
  Rows numerator_;             // N
};

Arrays all_slices(const Case& c, const plan::Walk& walk, const Arrays* truth) {
  const View view(c);
  Sums sums(c.problem.shape);
  for (std::int64_t slice = 0; slice < c.problem.shape.slices; ++slice) {
    SlicePass pass(view, walk, slice, sums, truth);
    pass.forward();
    pass.backward();
  }
  return sums.rounded_to_double();
}

}  // namespace

Arrays plain_polynomial(const Case& c, const plan::Walk& walk) {
  return all_slices(c, walk, nullptr);
}

Arrays polynomial_rounding_bound(const Case& c, const plan::Walk& walk, const Arrays& truth, double eps) {
  Case magnitude = c;
  magnitude.problem.scale = std::abs(c.problem.scale);
  for (auto& [name, values] : magnitude.in)
    for (double& x : values) x = std::abs(x);
  plan::Walk weights = walk;
  for (double& w : weights.weight) w = std::abs(w);

  const Shape& shape = c.problem.shape;
  auto longest = static_cast<double>(std::max({walk.size(), shape.rows, shape.value_dim}));
  for (int u = 0; u < shape.order; ++u) longest = std::max(longest, static_cast<double>(shape.key_rows[u]));
  double largest_lse = 0;
  for (const double lse : truth.at("LSE")) largest_lse = std::max(largest_lse, std::abs(lse));
  const double products = 2.0 * (walk.largest_degree() + 1) * (shape.order + 1);
  const double one = eps * (sum_error(longest) + products + largest_lse);
  Arrays bound = times((shape.order + 3) * one, all_slices(magnitude, weights, &truth));
  for (double& x : bound.at("LSE")) x += eps * largest_lse;
  return bound;
}

}  // namespace tattn::test
