#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "plan/monomial_walk.hpp"

namespace tattn::polynomial {

/// Least squares for one factor a degree, with which all weights of the monomials of that degree are multiplied:
/// what the monomials left out would have added goes to those kept, as the minimax polynomial does it for full
/// sets, but for the scores that these data have.
///
/// Every equation is linear in the factors f: sum over g of f_g from_degree_g = truth. A degree with little weight
/// in the sample could take any factor by chance and spoil rows that are not in it, so f - 1 is taken to be about
/// 0.1 before anything is seen (ridge regression; the noise is what the series leaves of the equations, over the
/// number of those that are not small beside others). Where the equations say nothing, f = 1.
class DegreeFit {
 public:
  /// For sets up to this degree.
  explicit DegreeFit(int degree);

  /// from_degree[g]: what the monomials of degree g give. Both sides count `weight` times.
  void add(std::span<const double> from_degree, double truth, double weight);

  /// The root of the sum of squares that the weights given leave.
  [[nodiscard]] double misfit() const;

  /// weight *= f[degree] on the owned nodes. Nothing happens where there is no finite solution, or nothing to gain.
  void apply(plan::Walk& walk) const;

 private:
  std::size_t columns_;
  std::vector<double> gram_, right_;  ///< normal equations, of f - 1; of gram the upper triangle
  double squares_ = 0, fourths_ = 0;  ///< sums of powers of what is left by f = 1
};

}  // namespace tattn::polynomial
