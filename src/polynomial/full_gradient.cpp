#include "polynomial/full_gradient.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "comm/sum_on_one.hpp"
#include "polynomial/passes.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kFactorBytes = 64 << 20;  // of all three factors that are held at a time
constexpr std::int64_t kRowBytes = 8 << 20;      // of the products that multiply the features

std::vector<double> zeros(std::int64_t entries) {
  return std::vector<double>(static_cast<std::size_t>(entries), 0.0);
}

/// One operand's rows on this rank: the features' x, and the two matrices whose products by row multiply them.
struct Side {
  std::vector<double> x, weights, model;  ///< rows x dim, x (dv + 1), x a
  std::int64_t rows = 0;
  double factor = 1;
};

template <class T>
std::vector<double> in_double(const Block<const T>& block, std::int64_t columns) {
  return {block.data, block.data + block.rows.size() * columns};
}

/// [V 1] of a key.
template <class T>
std::vector<double> with_ones(const Block<const T>& value, std::int64_t columns) {
  std::vector<double> rows;
  for (std::int64_t j = 0; j < value.rows.size(); ++j) {
    rows.insert(rows.end(), value.data + j * columns, value.data + (j + 1) * columns);
    rows.push_back(1);
  }
  return rows;
}

/// dN = [dO, -delta] / N with N = exp(LSE).
template <class T>
std::vector<double> normalised_upstream(const FullGradientCall<T>& call) {
  const std::vector<double> delta = call.deltas();
  const std::int64_t columns = call.problem.shape.value_dim;
  std::vector<double> rows;
  for (std::int64_t i = 0; i < call.my_rows(); ++i) {
    const double share = std::exp(-static_cast<double>(call.out.lse[i]));
    for (std::int64_t m = 0; m < columns; ++m)
      rows.push_back(share * static_cast<double>(call.upstream[i * columns + m]));
    rows.push_back(-share * delta[static_cast<std::size_t>(i)]);
  }
  return rows;
}

/// Q, K1, K2 with what multiplies their features.
template <class T>
std::array<Side, 3> make_sides(const FullGradientCall<T>& call) {
  const Shape& shape = call.problem.shape;
  std::array<Side, 3> sides;
  sides[0] = {in_double(call.operands.query, shape.dim), normalised_upstream(call),
              in_double(call.model.query, call.model_dim), call.my_rows(), call.problem.scale};
  for (std::size_t u = 0; u < 2; ++u)
    sides[u + 1] = {in_double(call.operands.key[u], shape.dim), with_ones(call.operands.value[u], shape.value_dim),
                    in_double(call.model.key[u], call.model_dim), call.operands.key[u].rows.size(), 1.0};
  return sides;
}

/// Adds up the factors of some features at a time.
class Factors {
 public:
  Factors(const Communicator& comm, const Shape& shape, std::int64_t model_dim, const Options& options,
          double evaluations)
      : comm_(comm),
        dim_(shape.dim),
        terms_(shape.value_dim + 1),
        a_(model_dim),
        threads_(options.threads),
        progress_(options.progress, evaluations),
        sums_(zeros(a_ * a_ * a_)) {}

  /// Adds the features of `tiles`. Collective.
  void add(const WalkTiles& tiles, const std::array<Side, 3>& sides) {
    std::array<std::vector<double>, 3> factors;
    for (std::size_t s = 0; s < 3; ++s) {
      factors[s] = zeros(tiles.features() * columns());
      add_moments(tiles, sides[s], factors[s].data());
      comm_.sum(factors[s].data(), static_cast<std::int64_t>(factors[s].size()));
    }
    const RowRange mine = even_range(tiles.features(), comm_.size(), comm_.rank());
    for (std::int64_t f = mine.begin; f < mine.end; ++f)
      for (std::int64_t m = 0; m < terms_; ++m) {
        const std::int64_t at = (f * terms_ + m) * a_;
        add_product(tiles.weight()[static_cast<std::size_t>(f)], factors[0].data() + at, factors[1].data() + at,
                    factors[2].data() + at);
      }
  }

  /// dX / scale. Collective.
  [[nodiscard]] std::vector<double> finish() {
    sum_on_one(comm_, sums_.data(), static_cast<std::int64_t>(sums_.size()));
    return std::move(sums_);
  }

  [[nodiscard]] std::int64_t columns() const { return terms_ * a_; }

 private:
  void add_moments(const WalkTiles& tiles, const Side& side, double* to) {
    const std::int64_t step = std::max<std::int64_t>(1, kRowBytes / (8 * columns()));
    for (std::int64_t first = 0; first < side.rows; first += step) {
      const std::int64_t rows = std::min(step, side.rows - first);
      const std::vector<double> value = row_products(side, first, rows);
      moments_pass<double>(
          tiles, {side.x.data() + first * dim_, side.factor, value.data(), rows, dim_, columns(), columns()},
          threads_, progress_, to, nullptr);
    }
  }

  /// weights[i] (x) model[i] of each row.
  [[nodiscard]] std::vector<double> row_products(const Side& side, std::int64_t first, std::int64_t rows) const {
    std::vector<double> products;
    products.reserve(static_cast<std::size_t>(rows * columns()));
    for (std::int64_t i = first; i < first + rows; ++i)
      for (std::int64_t m = 0; m < terms_; ++m)
        for (std::int64_t b = 0; b < a_; ++b)
          products.push_back(side.weights[static_cast<std::size_t>(i * terms_ + m)] *
                             side.model[static_cast<std::size_t>(i * a_ + b)]);
    return products;
  }

  /// sums += weight u (first (x) second)^T
  void add_product(double weight, const double* u, const double* first, const double* second) {
    double* to = sums_.data();
    for (std::int64_t b = 0; b < a_; ++b)
      for (std::int64_t j = 0; j < a_; ++j, to += a_) {
        const double factor = weight * u[b] * first[j];
        for (std::int64_t k = 0; k < a_; ++k) to[k] += factor * second[k];
      }
  }

  const Communicator& comm_;
  std::int64_t dim_, terms_, a_;
  int threads_;
  Progress progress_;
  std::vector<double> sums_;
};

}  // namespace

template <class T>
std::vector<double> full_gradient(const FullGradientCall<T>& call, const plan::Walk& walk) {
  std::array<Side, 3> sides;
  call.comm.agree([&] { sides = make_sides(call); });
  std::int64_t rows = 0;
  for (const Side& side : sides) rows += side.rows;
  Factors factors(call.comm, call.problem.shape, call.model_dim, call.options,
                  static_cast<double>(rows) * static_cast<double>(walk.features()));
  const std::int64_t step = std::max<std::int64_t>(1, kFactorBytes / (3 * 8 * factors.columns()));
  for (std::int64_t first = 0; first < walk.size(); first += step)
    factors.add(WalkTiles(plan::subwalk(walk, first, std::min(first + step, walk.size()))), sides);
  std::vector<double> result = factors.finish();
  for (double& x : result) x *= call.problem.scale;
  return result;
}

template std::vector<double> full_gradient(const FullGradientCall<float>&, const plan::Walk&);
template std::vector<double> full_gradient(const FullGradientCall<double>&, const plan::Walk&);

}  // namespace tattn::polynomial
