#include "polynomial/walk_tiles.hpp"

#include <algorithm>

namespace tattn::polynomial {

WalkTiles::WalkTiles(const plan::Walk& walk) : weight_(walk.weight) {
  for (std::int64_t begin = 0; begin < walk.size(); begin += kernels::kTileFeatures) {
    const std::int64_t end = std::min(begin + kernels::kTileFeatures, walk.size());
    const plan::Walk part = plan::subwalk(walk, begin, end);
    tiles_.push_back({part.size() - (end - begin), end - begin,
                      std::vector<std::int32_t>(part.parent.begin(), part.parent.end()), part.variable});
  }
}

kernels::FeatureTile WalkTiles::operator[](std::int64_t tile) const {
  const Tile& t = tiles_[static_cast<std::size_t>(tile)];
  return {t.ancestors, t.features, t.parent.data(), t.variable.data()};
}

}  // namespace tattn::polynomial
