#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "plan/minimax.hpp"

namespace tattn::plan {

/// A set of monomials x^alpha in the order in which their values are made: depth-first, each node its
/// parent times one variable whose index is not below the parent's last one. Node 0 is the constant 1
/// (parent -1, variable -1, degree 0). Every parent stands before its children, and a node's
/// descendants follow it contiguously.
///
///     exp(s) ~ sum over owned nodes of weight * q^alpha k1^alpha .. kt^alpha,     q = scale * Q[i]
///
/// An owned node is a feature: it has a row of the moments and a weight. The others (pass-through) are
/// only the way to an owned one; their weight is 0. Arrays by node, all of the same length.
struct Walk {
  std::int64_t dim = 0;
  std::vector<std::int64_t> parent;
  std::vector<std::int32_t> variable;
  std::vector<std::int32_t> degree;
  std::vector<double> coefficient;  ///< |alpha|! / alpha!, the multinomial
  std::vector<double> weight;
  std::vector<std::uint8_t> owned;

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(parent.size()); }
  [[nodiscard]] std::int64_t features() const;  ///< how many nodes are owned
  [[nodiscard]] int largest_degree() const;     ///< 0 when empty
  bool operator==(const Walk&) const = default;
};

/// C(dim + degree, degree), the number of monomials of total degree <= degree; none beyond 2^63 - 1.
[[nodiscard]] std::optional<std::int64_t> full_walk_size(std::int64_t dim, int degree);

/// All monomials of total degree <= degree, each owned, with the weights 1/alpha! of the exponential
/// series. Throws Error (failed) when there are more than 2^40 of them: use full_subwalk.
[[nodiscard]] Walk full_walk(std::int64_t dim, int degree);

/// subwalk(full_walk(dim, degree), begin, end) without making the whole walk: the first node is found
/// from the sizes of subtrees. 0 <= begin <= end <= the full size; an empty range gives an empty walk.
[[nodiscard]] Walk full_subwalk(std::int64_t dim, int degree, std::int64_t begin, std::int64_t end);

/// The first `features` nodes of the smallest full walk that has so many: a set for measuring speed.
[[nodiscard]] Walk first_monomials(std::int64_t dim, std::int64_t features);

/// weight = a_|alpha| |alpha|!/alpha! on owned nodes: the certified polynomial instead of the series.
void set_weights(Walk& walk, const ExpPolynomial& polynomial);

/// The ancestors of node `begin`, root first, without the node itself.
[[nodiscard]] std::vector<std::int64_t> range_ancestors(const Walk& walk, std::int64_t begin);

/// The range [begin, end) as a walk of its own: first the ancestors of its first node as pass-through
/// nodes, then the range, with local parent indices. These ancestors suffice: a node of the range whose
/// parent stands before the range lies in that parent's contiguous block of descendants, and so does
/// node `begin`. An empty range gives an empty walk.
[[nodiscard]] Walk subwalk(const Walk& walk, std::int64_t begin, std::int64_t end);

}  // namespace tattn::plan
