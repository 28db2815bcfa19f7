#include "support/case.hpp"

#include <cmath>
#include <functional>

namespace tattn::test {
namespace {

/// One step of the splitmix64 generator: a good hash of a counter.
std::uint64_t scramble(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

std::uint64_t hash_name(const std::string& name) {
  std::uint64_t h = 0;
  for (const char c : name) h = scramble(h ^ static_cast<unsigned char>(c));
  return h;
}

}  // namespace

Size size_of(const Shape& shape, const std::string& name) {
  const std::string operand = name == "O" || name == "LSE" || name == "dO" ? name
                              : name.front() == 'd'                        ? name.substr(1)
                                                                           : name;
  if (operand == "Q") return {shape.total_rows(), shape.dim};
  if (operand == "LSE") return {shape.total_rows(), 1};
  if (operand == "O" || operand == "dO") return {shape.total_rows(), shape.value_dim};
  const int u = operand.at(1) - '1';
  return {shape.total_key_rows(u), operand.front() == 'K' ? shape.dim : shape.value_dim};
}

std::vector<std::string> input_names(int order) {
  std::vector<std::string> names{"Q"};
  for (int u = 0; u < order; ++u) names.push_back(numbered("K", u));
  for (int u = 0; u < order; ++u) names.push_back(numbered("V", u));
  names.emplace_back("dO");
  return names;
}

std::vector<std::string> result_names(int order) {
  std::vector<std::string> names{"O", "LSE", "dQ"};
  for (int u = 0; u < order; ++u) names.push_back(numbered("dK", u));
  for (int u = 0; u < order; ++u) names.push_back(numbered("dV", u));
  return names;
}

Shape make_shape(std::int64_t slices, std::int64_t rows, const std::vector<std::int64_t>& key_rows,
                 std::int64_t dim, std::int64_t value_dim) {
  Shape shape;
  shape.order = static_cast<int>(key_rows.size());
  shape.slices = slices;
  shape.rows = rows;
  for (std::size_t u = 0; u < key_rows.size(); ++u) shape.key_rows[u] = key_rows[u];
  shape.dim = dim;
  shape.value_dim = value_dim;
  return shape;
}

Matrix random_matrix(std::int64_t count, std::uint64_t seed, const std::string& name) {
  Matrix values(static_cast<std::size_t>(count));
  const std::uint64_t key = scramble(seed ^ hash_name(name));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double unit = static_cast<double>(scramble(key ^ scramble(i)) >> 11U) * 0x1p-53;  // in [0, 1)
    values[i] = (2 * unit - 1) * std::sqrt(3.0);
  }
  return values;
}

Case random_case(const Shape& shape, std::uint64_t seed, bool causal, double scale) {
  Case c{{shape, scale, causal}, {}};
  for (const auto& name : input_names(shape.order))
    c.in[name] = random_matrix(size_of(shape, name).count(), seed, name);
  return c;
}

Case random_case(const Shape& shape, std::uint64_t seed, bool causal) {
  return random_case(shape, seed, causal, 1.0 / static_cast<double>(shape.dim));
}

}  // namespace tattn::test
