#pragma once
#include <vector>

#include "polynomial/row_result.hpp"
#include "tattn/operands.hpp"

namespace tattn::polynomial {

/// The gradients on their way to the rows of the operands that a rank holds.
template <class T>
struct GradientRows {
  /// Collective.
  GradientRows(const Communicator& comm, const plan::Grid& grid, const Shape& shape, const Operands<T>& worked,
               const Operands<T>& held, const Gradients<T>& into)
      : query(comm, grid, worked.query.rows, {into.query, held.query.rows}, shape.dim) {
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      key.emplace_back(comm, grid, worked.key[u].rows, Block<T>{into.key[u], held.key[u].rows}, shape.dim);
      value.emplace_back(comm, grid, worked.value[u].rows, Block<T>{into.value[u], held.value[u].rows},
                         shape.value_dim);
    }
  }

  /// Collective.
  void deliver() {
    query.deliver();
    for (auto& rows : key) rows.deliver();
    for (auto& rows : value) rows.deliver();
  }

  RowResult<T> query;
  std::vector<RowResult<T>> key, value;
};

}  // namespace tattn::polynomial
