#include "plan/grid.hpp"

#include <algorithm>

namespace tattn::plan {
namespace {

constexpr std::int64_t kMomentBytes = std::int64_t{64} << 20;  // of the slices that go together
constexpr double kBusyShare = 0.9;                             // of the ranks' time, with slice groups
constexpr std::int64_t kSumBytes = sizeof(double);

/// Work to make a node, and with it when it is a feature, before node `node`.
std::vector<std::int64_t> work_before(const Walk& walk, std::int64_t value_dim) {
  std::vector<std::int64_t> work{0};
  for (const std::uint8_t owned : walk.owned) work.push_back(work.back() + 1 + (owned != 0 ? value_dim + 1 : 0));
  return work;
}

/// Bytes of the rows of one matrix that a rank sends: in to those that share its rows, out to their holders.
class RowBytes {
 public:
  RowBytes(const Grid& grid, int rank, std::int64_t slices, std::int64_t rows)
      : others_(grid.features - 1),
        share_(grid_share(grid, rank, slices, rows).size()),
        rest_(grid_rows(grid, rank, slices, rows).size() - share_) {}

  [[nodiscard]] std::int64_t in(std::int64_t columns, int element_bytes) const {
    return others_ * share_ * columns * element_bytes;
  }
  [[nodiscard]] std::int64_t out(std::int64_t columns) const { return rest_ * columns * kSumBytes; }

 private:
  std::int64_t others_, share_, rest_;
};

std::int64_t moment_bytes(const Shape& shape, const Grid& grid, int rank, std::int64_t features, Pass pass) {
  if (grid.sequence == 1) return 0;
  const std::int64_t slices = grid_slices(grid, rank, shape.slices).size();
  const bool again = slices > slices_at_once(shape, features);
  const std::int64_t matrices = pass == Pass::forward ? shape.order : again ? shape.order + 1 : 1;
  return matrices * slices * features * (shape.value_dim + 1) * kSumBytes;
}

std::int64_t row_bytes(const Shape& shape, const Grid& grid, int rank, int element_bytes, Pass pass) {
  const bool gradient = pass == Pass::gradient;
  const std::int64_t d = shape.dim, dv = shape.value_dim;
  const RowBytes query(grid, rank, shape.slices, shape.rows);
  std::int64_t bytes = query.in(d + (gradient ? dv + 1 : 0), element_bytes) + query.out(gradient ? d : dv + 1);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    const RowBytes key(grid, rank, shape.slices, shape.key_rows[u]);
    bytes += key.in(d + dv, element_bytes) + (gradient ? key.out(d + dv) : 0);
  }
  return bytes;
}

}  // namespace

GridPlace place_of(const Grid& grid, int rank) {
  return {rank / grid.features / grid.sequence, rank / grid.features % grid.sequence, rank % grid.features};
}

Grid default_grid(const Shape& shape, int ranks) {
  const std::int64_t most = (shape.slices + ranks - 1) / ranks;  // slices of the busiest rank
  const bool busy = static_cast<double>(shape.slices) >= kBusyShare * static_cast<double>(most * ranks);
  return busy ? Grid{ranks, 1, 1} : Grid{1, ranks, 1};
}

RowRange grid_slices(const Grid& grid, int rank, std::int64_t slices) {
  return even_range(slices, grid.slices, place_of(grid, rank).slices);
}

SumBlocks moment_blocks(std::int64_t rows) {
  return SumBlocks::of(rows, kMomentBlock);
}

RowRange grid_rows(const Grid& grid, int rank, std::int64_t slices, std::int64_t rows) {
  const RowRange group = grid_slices(grid, rank, slices);
  const int place = place_of(grid, rank).sequence;
  const RowRange block = grid.whole_blocks ? moment_blocks(rows).share(group.size(), grid.sequence, place)
                                           : even_range(group.size() * rows, grid.sequence, place);
  return {group.begin * rows + block.begin, group.begin * rows + block.end};
}

RowRange grid_share(const Grid& grid, int rank, std::int64_t slices, std::int64_t rows) {
  const RowRange block = grid_rows(grid, rank, slices, rows);
  const RowRange share = even_range(block.size(), grid.features, place_of(grid, rank).features);
  return {block.begin + share.begin, block.begin + share.end};
}

RowRange feature_range(const Walk& walk, std::int64_t value_dim, int groups, int group) {
  const std::vector<std::int64_t> work = work_before(walk, value_dim);
  const auto cut = [&](std::int64_t g) {  // the node before which g shares of the work are done
    const auto reaches = [&](std::int64_t done, std::int64_t all) { return done * groups < all; };
    return std::lower_bound(work.begin(), work.end(), work.back() * g, reaches) - work.begin();
  };
  return {cut(group), cut(group + 1)};
}

std::vector<std::int64_t> group_features(const Walk& walk, std::int64_t value_dim, int groups) {
  std::vector<std::int64_t> features;
  for (int group = 0; group < groups; ++group) {
    const RowRange nodes = feature_range(walk, value_dim, groups, group);
    features.push_back(
        std::count(walk.owned.begin() + nodes.begin, walk.owned.begin() + nodes.end, std::uint8_t{1}));
  }
  return features;
}

std::int64_t slices_at_once(const Shape& shape, std::int64_t features) {
  const std::int64_t bytes = features * (shape.value_dim + 1) * shape.order * kSumBytes;
  return bytes == 0 ? std::max<std::int64_t>(1, shape.slices) : std::max<std::int64_t>(1, kMomentBytes / bytes);
}

std::int64_t polynomial_bytes(const Problem& problem, const Grid& grid, const std::vector<std::int64_t>& features,
                              int element_bytes, Pass pass) {
  std::int64_t most = 0;
  // The first group of slices and its first block are the longest, so one rank a feature group is enough.
  for (int rank = 0; rank < grid.features; ++rank) {
    const auto group = static_cast<std::size_t>(place_of(grid, rank).features);
    most = std::max(most, moment_bytes(problem.shape, grid, rank, features[group], pass) +
                              row_bytes(problem.shape, grid, rank, element_bytes, pass));
  }
  return most;
}

std::int64_t moved_bytes(const Problem& problem, const Grid& grid, int element_bytes, Pass pass) {
  return row_bytes(problem.shape, grid, 0, element_bytes, pass);
}

std::int64_t copied_bytes(const Problem& problem, const Grid& grid, int element_bytes, Pass pass) {
  if (grid.features == 1) return 0;
  const Shape& shape = problem.shape;
  const bool gradient = pass == Pass::gradient;
  const std::int64_t d = shape.dim, dv = shape.value_dim;
  const std::int64_t queries = grid_rows(grid, 0, shape.slices, shape.rows).size();
  std::int64_t in = queries * (d + (gradient ? dv + 1 : 0)), out = queries * (gradient ? d : dv + 1);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    const std::int64_t entries = grid_rows(grid, 0, shape.slices, shape.key_rows[u]).size() * (d + dv);
    in += entries;
    if (gradient) out += entries;
  }
  return in * element_bytes + 2 * out * kSumBytes;
}

}  // namespace tattn::plan
