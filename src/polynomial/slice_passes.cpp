#include "polynomial/slice_passes.hpp"

namespace tattn::polynomial {

template <class T>
SliceGroup<T>::SliceGroup(const Communicator& comm, const Problem& problem, const WalkTiles& tiles,
                          const Operands<T>& operands, const Options& options, RowRange slices, Progress& progress)
    : comm_(comm),
      problem_(problem),
      tiles_(tiles),
      operands_(operands),
      options_(options),
      slices_(slices),
      progress_(progress),
      columns_(problem.shape.value_dim + 1) {}

template <class T>
OperandPass<T> SliceGroup<T>::query_pass(std::int64_t slice, const T* value) const {
  const LocalRows rows = local_rows(operands_.query.rows, slice, problem_.shape.rows);
  return {operands_.query.data + rows.first * problem_.shape.dim,
          problem_.scale,
          value,
          rows.rows,
          problem_.shape.dim,
          columns_,
          columns_};
}

template <class T>
OperandPass<T> SliceGroup<T>::key_pass(std::int64_t slice, int u) const {
  const auto at = static_cast<std::size_t>(u);
  const LocalRows rows = local_rows(operands_.key[at].rows, slice, problem_.shape.key_rows[at]);
  return {operands_.key[at].data + rows.first * problem_.shape.dim,
          1.0,
          operands_.value[at].data + rows.first * problem_.shape.value_dim,
          rows.rows,
          problem_.shape.dim,
          columns_,
          problem_.shape.value_dim};
}

template <class T>
void SliceGroup<T>::compute_moments() {
  for (int u = 0; u < problem_.shape.order; ++u) {
    auto& all = computed_.of_key[static_cast<std::size_t>(u)];
    all.assign(static_cast<std::size_t>(slices_.size() * matrix_size()), 0.0);
    for (std::int64_t slice = slices_.begin; slice < slices_.end; ++slice)
      moments_pass(tiles_, key_pass(slice, u), options_.threads, progress_,
                   all.data() + (slice - slices_.begin) * matrix_size());
    comm_.sum(all.data(), static_cast<std::int64_t>(all.size()));
  }
}

template <class T>
std::vector<double> SliceGroup<T>::product(std::int64_t slice) const {
  return moment_gradient(slice, -1, nullptr);
}

template <class T>
std::vector<double> SliceGroup<T>::moment_gradient(std::int64_t slice, int u,
                                                   const double* product_gradient) const {
  std::vector<double> result(static_cast<std::size_t>(matrix_size()));
  for (std::int64_t f = 0; f < tiles_.features(); ++f)
    for (std::int64_t x = f * columns_; x < (f + 1) * columns_; ++x) {
      double value = tiles_.weight()[static_cast<std::size_t>(f)];
      if (product_gradient != nullptr) value *= product_gradient[x];
      for (int other = 0; other < problem_.shape.order; ++other)
        if (other != u) value *= moments(slice, other)[x];
      result[static_cast<std::size_t>(x)] = value;
    }
  return result;
}

template class SliceGroup<float>;
template class SliceGroup<double>;

}  // namespace tattn::polynomial
