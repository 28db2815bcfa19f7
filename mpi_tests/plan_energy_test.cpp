// The energies that rank monomials against their definition.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "plan/feature_search.hpp"
#include "support/plain_attention.hpp"
#include "support/sampled_case.hpp"

namespace tattn::plan {
namespace {

using test::Case;

std::vector<std::int32_t> variables(const FeatureRanking& ranking, std::int64_t node) {
  std::vector<std::int32_t> path;
  for (; ranking.parent[node] >= 0; node = ranking.parent[node]) path.push_back(ranking.variable[node]);
  std::reverse(path.begin(), path.end());
  return path;
}

/// What the header says the energies of a monomial are, in double, for a sample that is the whole slice; and the
/// same with absolute values, which is what float roundings are relative to.
struct Defined {
  std::vector<double> energy, magnitude;  // output: one; gradients: dQ, dK_u.., dV_u..
};

class Definition {
 public:
  Definition(const Case& c, bool gradients)
      : c_(c), shape_(c.problem.shape), gradients_(gradients), result_(test::plain_attention(c)) {}

  Defined operator()(const std::vector<std::int32_t>& path) const {
    double weight = 1;
    for (std::size_t i = 0, again = 0; i < path.size(); ++i) {
      again = i > 0 && path[i] == path[i - 1] ? again + 1 : 1;
      weight /= static_cast<double>(again);
    }
    Defined defined;
    for (const bool absolute : {false, true}) {
      auto& out = absolute ? defined.magnitude : defined.energy;
      out = components(path, absolute);
      for (double& e : out) e *= weight * weight;
    }
    return defined;
  }

 private:
  static double term(const double* x, const std::vector<std::int32_t>& path, std::size_t except) {
    double product = 1;
    for (std::size_t i = 0; i < path.size(); ++i)
      if (i != except) product *= x[path[i]];
    return product;
  }

  /// sum over l of (alpha_l x^(alpha - e_l))^2
  static double slopes(const double* x, const std::vector<std::int32_t>& path) {
    double sum = 0;
    for (std::size_t i = 0; i < path.size(); ++i)
      if (i == 0 || path[i] != path[i - 1]) {
        const auto times = static_cast<double>(std::count(path.begin(), path.end(), path[i]));
        sum += std::pow(times * term(x, path, i), 2);
      }
    return sum;
  }

  std::vector<double> query(std::int64_t i) const {
    std::vector<double> q;
    for (std::int64_t l = 0; l < shape_.dim; ++l) q.push_back(c_.problem.scale * c_.in.at("Q")[i * shape_.dim + l]);
    return q;
  }

  double value(int u, std::int64_t j, std::int64_t m) const {
    return m == shape_.value_dim ? 1 : c_.in.at(test::numbered("V", u))[j * shape_.value_dim + m];
  }

  const double* key(int u, std::int64_t j) const { return &c_.in.at(test::numbered("K", u))[j * shape_.dim]; }

  /// prod over u of the mean of k_u^alpha [V_u 1], without key `except`.
  std::vector<double> moments(const std::vector<std::int32_t>& path, bool absolute, int except) const {
    std::vector<double> product(shape_.value_dim + 1, 1);
    for (int u = 0; u < shape_.order; ++u)
      for (std::int64_t m = 0; u != except && m <= shape_.value_dim; ++m) {
        double sum = 0;
        for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j) {
          const double part = term(key(u, j), path, path.size()) * value(u, j, m);
          sum += absolute ? std::abs(part) : part;
        }
        product[m] *= sum / static_cast<double>(shape_.key_rows[u]);
      }
    return product;
  }

  double normaliser(std::int64_t i) const {  // of the mean over key tuples
    double tuples = 1;
    for (int u = 0; u < shape_.order; ++u) tuples *= static_cast<double>(shape_.key_rows[u]);
    return std::exp(result_.at("LSE")[i]) / tuples;
  }

  /// sum_m (product_m v_m - O_im product_0)^2
  double gap(std::int64_t i, const std::vector<double>& product, int u, std::int64_t j, bool absolute) const {
    double sum = 0;
    for (std::int64_t m = 0; m < shape_.value_dim; ++m) {
      const double a = product[m] * (u < 0 ? 1 : value(u, j, m));
      const double b = result_.at("O")[i * shape_.value_dim + m] * product.back();
      sum += absolute ? std::pow(std::abs(a) + std::abs(b), 2) : std::pow(a - b, 2);
    }
    return sum;
  }

  std::vector<double> components(const std::vector<std::int32_t>& path, bool absolute) const {
    std::vector<double> out(gradients_ ? 1 + 2 * shape_.order : 1, 0);
    for (std::int64_t i = 0; i < shape_.rows; ++i) {
      const auto q = query(i);
      const double z2 = std::pow(normaliser(i), 2), q2 = std::pow(term(q.data(), path, path.size()), 2);
      out[0] +=
          (gradients_ ? slopes(q.data(), path) : q2) / z2 * gap(i, moments(path, absolute, -1), -1, 0, absolute);
      if (!gradients_) continue;
      for (int u = 0; u < shape_.order; ++u) {
        const auto others = moments(path, absolute, u);
        double squares = 0;
        for (std::int64_t m = 0; m < shape_.value_dim; ++m) squares += others[m] * others[m];
        for (std::int64_t j = 0; j < shape_.key_rows[u]; ++j) {
          out[1 + u] += q2 / z2 * slopes(key(u, j), path) * gap(i, others, u, j, absolute);
          out[1 + shape_.order + u] += q2 / z2 * std::pow(term(key(u, j), path, path.size()), 2) * squares;
        }
      }
    }
    return out;
  }

  const Case& c_;
  const Shape& shape_;
  bool gradients_;
  test::Arrays result_;
};

class Energies : public testing::TestWithParam<std::tuple<int, Target>> {};

TEST_P(Energies, AreWhatTheHeaderSays) {
  const auto& [order, target] = GetParam();
  const std::vector<std::int64_t> lengths{9, 7, 5, 4};
  const Shape shape = test::make_shape(1, 5, {lengths.begin(), lengths.begin() + order}, 3, 4);
  Case c = test::spread_case(shape, 5, {1.5, 0.7, 1.1});
  c.problem.scale = 0.8;
  const Sample sample = test::whole_sample(c);
  const FeatureRanking ranking = search_features({&sample, 1}, {40, 6, target, 2});

  const Definition definition(c, target == Target::gradients);
  std::vector<Defined> defined;
  std::vector<double> whole;
  for (std::int64_t node = 0; node < std::ssize(ranking.parent); ++node) {
    defined.push_back(definition(variables(ranking, node)));
    whole.resize(defined[0].energy.size(), 0);
    for (std::size_t k = 0; k < whole.size(); ++k) whole[k] += defined.back().energy[k];
  }
  // For the output only ratios count; the second node is the unit. The longest sums have 9 rows, powers of
  // degree 6 in `order` + 1 operands, and everything is squared.
  const double eps = std::numeric_limits<float>::epsilon();
  const double relative = 2 * eps * (9 + 6 * (order + 1) + 16);
  const bool output = target == Target::output;
  const double unit = output ? ranking.energy[1] / defined[1].energy[0] : 1;
  const double unit_error = output ? relative * defined[1].magnitude[0] / defined[1].energy[0] : 0;
  for (std::size_t node = 1; node < defined.size(); ++node) {
    double expected = 0, allowed = 0;
    for (std::size_t k = 0; k < whole.size(); ++k) {
      const double divisor = output ? 1 / unit : whole[k];
      double worst_total = 0;
      for (const Defined& d : defined) worst_total += relative * d.magnitude[k];
      expected += defined[node].energy[k] / divisor;
      allowed += relative * defined[node].magnitude[k] / divisor +
                 defined[node].energy[k] / divisor * (output ? unit_error : worst_total / whole[k]);
    }
    EXPECT_NEAR(ranking.energy[node], expected, allowed) << node;
  }
}

INSTANTIATE_TEST_SUITE_P(Orders, Energies,
                         testing::Combine(testing::Range(1, kMaxOrder + 1),
                                          testing::Values(Target::output, Target::gradients)));

}  // namespace
}  // namespace tattn::plan
