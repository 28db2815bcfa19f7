#include "polynomial/walk_tiles.hpp"

#include <utility>

namespace tattn::polynomial {

/// One tile at a time: the features added to it, and the way to them from the root. A feature on the way to a
/// pass-through node is on the way too, so that the way stands before all features.
class WalkTiles::Maker {
 public:
  explicit Maker(const plan::Walk& walk)
      : walk_(walk), on_way_(walk.parent.size(), kNone), in_tile_(walk.parent.size(), kNone) {}

  /// False where the tile has no room for the feature.
  bool add(std::int64_t node) {
    if (static_cast<std::int64_t>(features_.size()) == kernels::kTileFeatures) return false;
    const std::int64_t parent = walk_.parent[at(node)];
    std::vector<std::int64_t> missing;
    if (parent >= 0 && in_tile_[at(parent)] == kNone)
      for (std::int64_t up = parent; up >= 0 && on_way_[at(up)] == kNone; up = walk_.parent[at(up)])
        missing.push_back(up);
    const bool constant_inside = !features_.empty() && features_.front() == 0;  // the root must stand first
    const auto longer = static_cast<std::int64_t>(way_.size() + missing.size());
    if (!features_.empty() && !missing.empty() && (constant_inside || longer > kernels::kMostAncestors))
      return false;
    for (; !missing.empty(); missing.pop_back()) append(missing.back(), way_, on_way_);
    append(node, features_, in_tile_);
    return true;
  }

  /// The tile, whose first feature is number `first`; the next one begins.
  Tile close(std::int64_t first) {
    const auto ancestors = static_cast<std::int32_t>(way_.size());
    Tile tile{first, ancestors, {}, {}};
    const auto put = [&](std::int64_t node, std::int32_t parent) {
      tile.parent.push_back(parent);
      tile.variable.push_back(walk_.variable[at(node)]);
    };
    for (const std::int64_t node : way_) put(node, node == 0 ? kNone : on_way_[at(walk_.parent[at(node)])]);
    for (const std::int64_t node : features_) {
      const std::int64_t parent = walk_.parent[at(node)];
      if (parent < 0)
        put(node, kNone);
      else
        put(node, in_tile_[at(parent)] == kNone ? on_way_[at(parent)] : ancestors + in_tile_[at(parent)]);
    }
    for (const std::int64_t node : way_) on_way_[at(node)] = kNone;
    for (const std::int64_t node : features_) in_tile_[at(node)] = kNone;
    way_.clear();
    features_.clear();
    return tile;
  }

 private:
  static constexpr std::int32_t kNone = -1;

  static std::size_t at(std::int64_t node) { return static_cast<std::size_t>(node); }
  static void append(std::int64_t node, std::vector<std::int64_t>& list, std::vector<std::int32_t>& place) {
    place[at(node)] = static_cast<std::int32_t>(list.size());
    list.push_back(node);
  }

  const plan::Walk& walk_;
  std::vector<std::int64_t> way_, features_;    // nodes of the walk
  std::vector<std::int32_t> on_way_, in_tile_;  // by node, its place there
};

WalkTiles::WalkTiles(const plan::Walk& walk) {
  Maker maker(walk);
  std::int64_t first = 0;
  for (std::int64_t node = 0; node < walk.size(); ++node) {
    if (walk.owned[static_cast<std::size_t>(node)] == 0) continue;
    if (!maker.add(node)) {
      tiles_.push_back(maker.close(std::exchange(first, features())));
      maker.add(node);
    }
    weight_.push_back(walk.weight[static_cast<std::size_t>(node)]);
  }
  if (first < features()) tiles_.push_back(maker.close(first));
}

kernels::FeatureTile WalkTiles::operator[](std::int64_t tile) const {
  const Tile& t = tiles_[static_cast<std::size_t>(tile)];
  return {t.ancestors, static_cast<std::int64_t>(t.parent.size()) - t.ancestors, t.parent.data(),
          t.variable.data()};
}

}  // namespace tattn::polynomial
