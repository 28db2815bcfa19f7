#include "exact/key_sums.hpp"

#include "comm/row_exchange.hpp"

namespace tattn::exact {
namespace {

std::vector<double> zeros(std::int64_t entries) {
  return std::vector<double>(static_cast<std::size_t>(entries), 0.0);
}

}  // namespace

template <class T>
KeySums<T>::KeySums(const Shape& shape, RowRange slices) : shape_(shape), slices_(slices) {
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    key_[u] = zeros(slices.size() * shape.key_rows[u] * shape.dim);
    value_[u] = zeros(slices.size() * shape.key_rows[u] * shape.value_dim);
  }
}

template <class T>
void KeySums<T>::add(const SliceWork<T>& work, std::int64_t slice, const QuerySide<T>& side, Progress& progress,
                     double* query) {
  SliceGradients sums{query, {}, {}};
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape_.order); ++u) {
    const std::int64_t row = (slice - slices_.begin) * shape_.key_rows[u];
    sums.key[u] = key_[u].data() + row * shape_.dim;
    sums.value[u] = value_[u].data() + row * shape_.value_dim;
  }
  gradient_slice(work, side, progress, sums);
}

template <class T>
void KeySums<T>::deliver(const Communicator& comm, const Operands<T>& operands,
                         const Gradients<T>& gradients) const {
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape_.order); ++u) {
    const RowRange rows{slices_.begin * shape_.key_rows[u], slices_.end * shape_.key_rows[u]};
    sum_rows(comm, key_[u].data(), rows, Block<T>{gradients.key[u], operands.key[u].rows}, shape_.dim);
    sum_rows(comm, value_[u].data(), rows, Block<T>{gradients.value[u], operands.value[u].rows}, shape_.value_dim);
  }
}

template <class T>
void KeySumTree<T>::add(const SliceWork<T>& work, std::int64_t slice, const QuerySide<T>& side, Progress& progress,
                        double* query) {
  const RowRange units = blocks_.units_of(work.rows);  // within the slice
  for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
    SliceWork<T> block = work;
    block.rows = blocks_.rows_of({unit, unit + 1});
    const std::int64_t first = block.rows.begin - work.rows.begin, dim = shape_.dim, value_dim = shape_.value_dim;
    SliceGradients sums{query + first * dim, {}, {}};
    std::array<std::vector<double>, kMaxOrder> key, value;
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape_.order); ++u) {
      sums.key[u] = (key[u] = zeros(shape_.key_rows[u] * dim)).data();
      sums.value[u] = (value[u] = zeros(shape_.key_rows[u] * value_dim)).data();
    }
    gradient_slice(block,
                   {side.query + first * dim, side.upstream + first * value_dim, side.output + first * value_dim,
                    side.lse + first},
                   progress, sums);
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape_.order); ++u) {
      key_[u].add({slice, 0, unit}, std::move(key[u]));
      value_[u].add({slice, 0, unit}, std::move(value[u]));
    }
  }
}

template <class T>
void KeySumTree<T>::deliver(const Communicator& comm, RowRange queries, const Operands<T>& operands,
                            const Gradients<T>& gradients) const {
  const RowRange units = blocks_.units_of(queries);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape_.order); ++u) {
    sum_in_tree(comm, key_[u], units, blocks_.count(), shape_.key_rows[u],
                Block<T>{gradients.key[u], operands.key[u].rows}, shape_.dim);
    sum_in_tree(comm, value_[u], units, blocks_.count(), shape_.key_rows[u],
                Block<T>{gradients.value[u], operands.value[u].rows}, shape_.value_dim);
  }
}

template class KeySums<float>;
template class KeySums<double>;
template class KeySumTree<float>;
template class KeySumTree<double>;

}  // namespace tattn::exact
