#pragma once
#include <cstdint>
#include <vector>

#include "kernels/polynomial.hpp"
#include "plan/monomial_walk.hpp"

namespace tattn::polynomial {

/// A walk cut into tiles for the kernels. Node f of the walk is row f of the moments, pass-through nodes too:
/// their weight is 0.
class WalkTiles {
 public:
  explicit WalkTiles(const plan::Walk& walk);

  [[nodiscard]] std::int64_t nodes() const { return static_cast<std::int64_t>(weight_.size()); }
  [[nodiscard]] const std::vector<double>& weight() const { return weight_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tiles_.size()); }
  [[nodiscard]] std::int64_t first_node(std::int64_t tile) const { return tile * kernels::kTileFeatures; }
  [[nodiscard]] kernels::FeatureTile operator[](std::int64_t tile) const;

 private:
  struct Tile {
    std::int64_t ancestors, features;
    std::vector<std::int32_t> parent, variable;
  };
  std::vector<double> weight_;
  std::vector<Tile> tiles_;
};

}  // namespace tattn::polynomial
