#include "support/sampled_case.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace tattn::test {
namespace {

struct Pick {
  std::vector<std::int64_t> row;
  std::vector<double> weight;
};

Pick all_rows(std::int64_t first, std::int64_t rows) {
  Pick pick{std::vector<std::int64_t>(rows), std::vector<double>(rows, 1)};
  std::iota(pick.row.begin(), pick.row.end(), first);
  return pick;
}

Pick draw(const Matrix& x, std::int64_t columns, std::int64_t rows, std::int64_t count, std::int64_t top) {
  if (count >= rows) return all_rows(0, rows);
  std::vector<double> norm(rows, 0);
  for (std::int64_t k = 0; k < rows * columns; ++k) norm[k / columns] += x[k] * x[k];
  std::vector<std::int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return norm[a] > norm[b]; });
  std::sort(order.begin() + top, order.end());  // the rest as the file has them
  Pick pick;
  const std::int64_t rest = rows - top, drawn = count - top;
  for (std::int64_t i = 0; i < count; ++i) {
    pick.row.push_back(i < top ? order[i] : order[top + (i - top) * rest / drawn]);
    pick.weight.push_back(i < top ? 1 : static_cast<double>(rest) / static_cast<double>(drawn));
  }
  return pick;
}

std::vector<double> take(const Matrix& x, std::int64_t columns, const Pick& pick, double factor) {
  std::vector<double> result;
  for (const std::int64_t row : pick.row)
    for (std::int64_t c = 0; c < columns; ++c) result.push_back(factor * x[row * columns + c]);
  return result;
}

plan::SampledRows sampled(const Pick& pick, const Case& c, const std::string& x, const std::string& value,
                          double factor) {
  const Shape& shape = c.problem.shape;
  plan::SampledRows rows{std::ssize(pick.row), take(c.in.at(x), shape.dim, pick, factor), {}, pick.weight};
  if (!value.empty()) rows.value = take(c.in.at(value), shape.value_dim, pick, 1);
  return rows;
}

template <class Choose>
plan::Sample sample(const Case& c, const Choose& choose) {
  const Shape& shape = c.problem.shape;
  plan::Sample result{shape.order, shape.dim, shape.value_dim, {}, {}};
  result.query = sampled(choose("Q", shape.rows), c, "Q", "", c.problem.scale);
  for (int u = 0; u < shape.order; ++u)
    result.key[u] = sampled(choose(numbered("K", u), shape.key_rows[u]), c, numbered("K", u), numbered("V", u), 1);
  return result;
}

/// Entries of random_matrix are uniform with standard deviation 1.
double to_unit(double x) {
  return 0.5 + x / std::sqrt(12.0);
}

Matrix normal_matrix(std::int64_t count, std::uint64_t seed, const std::string& name) {
  Matrix x = random_matrix(count, seed, name);
  const Matrix angle = random_matrix(count, seed, name + " angle");
  for (std::size_t k = 0; k < x.size(); ++k)  // Box and Muller
    x[k] = std::sqrt(-2 * std::log1p(-to_unit(x[k]))) * std::cos(2 * std::numbers::pi * to_unit(angle[k]));
  return x;
}

}  // namespace

Case spread_case(const Shape& shape, std::uint64_t seed, const std::vector<double>& spread) {
  Case c = random_case(shape, seed);
  for (auto& [name, x] : c.in) {
    if (name.front() == 'V')
      for (double& v : x) v = to_unit(v);
    if (name.front() != 'Q' && name.front() != 'K') continue;
    x = normal_matrix(std::ssize(x), seed, name);
    for (std::size_t k = 0; k < x.size(); ++k) x[k] *= spread[k % spread.size()];
  }
  return c;
}

plan::Sample whole_sample(const Case& c, std::int64_t slice) {
  return sample(c, [&](const std::string&, std::int64_t rows) { return all_rows(slice * rows, rows); });
}

plan::Sample drawn_sample(const Case& c, std::int64_t queries, std::int64_t rows, std::int64_t top) {
  return sample(c, [&](const std::string& name, std::int64_t all) {
    const std::int64_t count = name == "Q" ? queries : rows;
    return draw(c.in.at(name), c.problem.shape.dim, all, count, std::min(top, count / 2));
  });
}

}  // namespace tattn::test
