#include "dense/slice_work.hpp"

#include <algorithm>

#include "comm/row_exchange.hpp"
#include "comm/sampled_rows.hpp"
#include "dense/softmax.hpp"

namespace tattn::dense {

template <class T>
SliceWork<T>::SliceWork(const Communicator& comm, const Problem& problem, const Operands<T>& operands)
    : comm_(comm),
      problem_(problem),
      operands_(operands),
      layout_(plan::dense_layout(problem.shape, comm.size())),
      grid_(comm, layout_),
      query(panels(problem.shape.dim)),
      keys(products(problem.shape.dim)),
      values(products(problem.shape.value_dim)),
      weights(all_weights()) {}

template <class T>
Matrix SliceWork<T>::panels(std::int64_t columns) const {
  return make_matrix(comm_, grid_, layout_.panel_rows(), layout_.panel_columns(columns));
}

template <class T>
Matrix SliceWork<T>::products(std::int64_t columns) const {
  return make_matrix(comm_, grid_, layout_.product_rows(), layout_.product_columns(columns));
}

template <class T>
Matrix SliceWork<T>::all_weights() const {
  return make_matrix(comm_, grid_, layout_.weight_rows(), layout_.weight_columns());
}

template <class T>
RowRange SliceWork<T>::query_rows() const {
  return {slice_ * problem_.shape.rows, (slice_ + 1) * problem_.shape.rows};
}

template <class T>
RowRange SliceWork<T>::key_rows(std::size_t u) const {
  return {slice_ * problem_.shape.key_rows[u], (slice_ + 1) * problem_.shape.key_rows[u]};
}

template <class T>
RowRange SliceWork<T>::panel() const {
  const plan::Deal deal = layout_.panel_rows();
  const std::int64_t first = query_rows().begin + std::min(deal.count, deal.block * grid_.row());
  return {first, grid_.column() == 0 ? first + deal.size(grid_.row()) : first};
}

template <class T>
Factors SliceWork<T>::fetch_factors(const std::array<Block<const T>, kMaxOrder>& mine, std::int64_t columns) const {
  Factors factors{fetch_double(comm_, mine[0], key_rows(0), columns), {}, 1, columns};
  if (problem_.shape.order == 1) {
    factors.second.assign(static_cast<std::size_t>(columns), 1.0);
  } else {
    factors.second = fetch_double(comm_, mine[1], key_rows(1), columns);
    factors.second_rows = problem_.shape.key_rows[1];
  }
  return factors;
}

template <class T>
void SliceWork<T>::load_scores(std::int64_t slice) {
  slice_ = slice;
  query.set_rows(fetch_double(comm_, operands_.query, panel(), problem_.shape.dim), problem_.scale);
  key_factors_ = fetch_factors(operands_.key, problem_.shape.dim);
  fill_kronecker(key_factors_, keys);
  multiply(Op::as_is, query, Op::transposed, keys, weights);
  if (problem_.causal) mask_later_keys(weights, key_factors_.second_rows);
}

template <class T>
void SliceWork<T>::load_values() {
  value_factors_ = fetch_factors(operands_.value, problem_.shape.value_dim);
  fill_kronecker(value_factors_, values);
}

template <class T>
void SliceWork<T>::deliver_rows(const std::vector<double>& local, Block<T> mine) const {
  std::vector<double> whole(static_cast<std::size_t>(problem_.shape.rows), 0.0);
  for (std::size_t i = 0; i < local.size(); ++i)
    whole[static_cast<std::size_t>(weights.row(static_cast<std::int64_t>(i)))] = local[i];
  const RowRange rows = query_rows();
  const RowRange held{rows.begin, grid_.column() == 0 ? rows.end : rows.begin};
  sum_rows(comm_, whole.data(), held, within(mine, rows, 1), 1);
}

template <class T>
void SliceWork<T>::deliver_factors(const Factors& factors, const Matrix& gradient,
                                   const std::array<Block<T>, kMaxOrder>& mine) const {
  const Factors sums = contract(factors, gradient);
  const auto deliver = [&](std::size_t u, const std::vector<double>& partial) {
    sum_rows(comm_, partial.data(), key_rows(u), within(mine[u], key_rows(u), factors.columns), factors.columns);
  };
  deliver(0, sums.first);
  if (problem_.shape.order == 2) deliver(1, sums.second);
}

template class SliceWork<float>;
template class SliceWork<double>;

}  // namespace tattn::dense
