#pragma once
#include <cstdint>
#include <vector>

#include "kernels/polynomial.hpp"
#include "plan/monomial_walk.hpp"

namespace tattn::polynomial {

/// The features of a walk, its owned nodes, cut into tiles for the kernels. Feature f is row f of the moments;
/// pass-through nodes have none: they are made beside the ancestors of the tiles that need them.
class WalkTiles {
 public:
  explicit WalkTiles(const plan::Walk& walk);

  [[nodiscard]] std::int64_t features() const { return static_cast<std::int64_t>(weight_.size()); }
  [[nodiscard]] const std::vector<double>& weight() const { return weight_; }  ///< by feature
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(tiles_.size()); }
  [[nodiscard]] std::int64_t first_feature(std::int64_t tile) const {
    return tiles_[static_cast<std::size_t>(tile)].first;
  }
  [[nodiscard]] kernels::FeatureTile operator[](std::int64_t tile) const;

 private:
  struct Tile {
    std::int64_t first, ancestors;
    std::vector<std::int32_t> parent, variable;
  };
  class Maker;
  std::vector<double> weight_;
  std::vector<Tile> tiles_;
};

}  // namespace tattn::polynomial
