#pragma once
#include <vector>

#include "comm/communicator.hpp"
#include "comm/row_exchange.hpp"
#include "plan/grid.hpp"
#include "polynomial/walk_tiles.hpp"
#include "tattn/operands.hpp"

namespace tattn::polynomial {

/// What a rank of a grid works on. Its rows of every operand come from the ranks that hold them, those of V_u like
/// those of K_u: a row's value must be where its features are made.
///
///     before  each holder: its rows      after  (a,f) and (a,g): rows a      nothing moves that is there already
template <class T>
class GridWork {
 public:
  /// Collective.
  GridWork(const Communicator& comm, const Shape& shape, const plan::Walk& walk, const plan::Grid& grid,
           const Operands<T>& held)
      : slices_(plan::grid_slices(grid, comm.rank(), shape.slices)),
        down_(comm.split(colour(grid, comm.rank()))),
        tiles_(features(shape, walk, grid, comm.rank())) {
    const auto rows = [&](std::int64_t a_slice) {
      return plan::grid_rows(grid, comm.rank(), shape.slices, a_slice);
    };
    operands_.query = fetch(comm, held.query, rows(shape.rows), shape.dim);
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      const RowRange keys = rows(shape.key_rows[u]);
      operands_.key[u] = fetch(comm, held.key[u], keys, shape.dim);
      operands_.value[u] = fetch(comm, held.value[u], keys, shape.value_dim);
    }
  }

  [[nodiscard]] RowRange slices() const { return slices_; }
  [[nodiscard]] const WalkTiles& tiles() const { return tiles_; }
  [[nodiscard]] const Operands<T>& operands() const { return operands_; }

  /// The ranks down the sequence, of the same slices and features: over them moments are summed.
  [[nodiscard]] const Communicator& down() const { return down_; }

 private:
  static int colour(const plan::Grid& grid, int rank) {
    const plan::GridPlace place = plan::place_of(grid, rank);
    return place.slices * grid.features + place.features;
  }

  static WalkTiles features(const Shape& shape, const plan::Walk& walk, const plan::Grid& grid, int rank) {
    const RowRange nodes =
        plan::feature_range(walk, shape.value_dim, grid.features, plan::place_of(grid, rank).features);
    return WalkTiles(plan::subwalk(walk, nodes.begin, nodes.end));
  }

  Block<const T> fetch(const Communicator& comm, const Block<const T>& held, RowRange rows, std::int64_t columns) {
    fetched_.emplace_back(comm, held, rows, columns);
    return {fetched_.back().data(), rows};
  }

  RowRange slices_;
  Communicator down_;
  WalkTiles tiles_;
  std::vector<FetchedRows<T>> fetched_;
  Operands<T> operands_;
};

}  // namespace tattn::polynomial
