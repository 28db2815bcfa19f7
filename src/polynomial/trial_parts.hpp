#pragma once
// What a trial's errors and its equations share.
#include <cstdint>
#include <vector>

#include "plan/monomial_walk.hpp"
#include "tattn/operands.hpp"

namespace tattn::polynomial {

inline constexpr int kAllDegrees = -1;

/// Every monomial, or every one of a degree, times one more variable, the last: there a key row holds its weight.
inline plan::Walk weighted_walk(const plan::Walk& walk, int degree = kAllDegrees) {
  plan::Walk result;
  const auto add = [&](std::int64_t parent, std::int64_t variable, std::size_t from, bool owned) {
    result.parent.push_back(parent);
    result.variable.push_back(static_cast<std::int32_t>(variable));
    result.degree.push_back(parent < 0 ? 0 : walk.degree[from] + 1);
    result.coefficient.push_back(walk.coefficient[from]);
    owned = owned && (degree == kAllDegrees || degree == walk.degree[from]);
    result.weight.push_back(owned ? walk.weight[from] : 0.0);
    result.owned.push_back(owned ? walk.owned[from] : 0);
  };
  result.dim = walk.dim + 1;
  add(-1, -1, 0, false);
  add(0, walk.dim, 0, true);
  for (std::size_t node = 1; node < walk.parent.size(); ++node)
    add(walk.parent[node] + 1, walk.variable[node], node, true);
  return result;
}

/// Of dQ, dK1.., dV1..
template <class T>
Gradients<T> views_of(std::vector<std::vector<T>>& gradients) {
  const std::size_t order = gradients.size() / 2;
  Gradients<T> views;
  views.query = gradients[0].data();
  for (std::size_t u = 0; u < order; ++u) {
    views.key[u] = gradients[1 + u].data();
    views.value[u] = gradients[1 + order + u].data();
  }
  return views;
}

}  // namespace tattn::polynomial
