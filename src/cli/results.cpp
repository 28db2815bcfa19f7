#include "cli/results.hpp"

#include <fmt/format.h>

namespace tattn::cli {

template <class T>
ResultRows<T>::ResultRows(const io::OperandRows<T>& operands, const Shape& shape, bool with_gradients)
    : output(static_cast<std::size_t>(operands.query_rows.size() * shape.value_dim)),
      lse(static_cast<std::size_t>(operands.query_rows.size())) {
  if (!with_gradients) return;
  query.resize(operands.query.size());
  for (std::size_t u = 0; u < key.size(); ++u) {
    key[u].resize(operands.key[u].size());
    value[u].resize(operands.value[u].size());
  }
}

template <class T>
Gradients<T> ResultRows<T>::gradient_views() {
  Gradients<T> views;
  views.query = query.data();
  for (std::size_t u = 0; u < key.size(); ++u) {
    views.key[u] = key[u].data();
    views.value[u] = value[u].data();
  }
  return views;
}

template <class T>
void write_results(io::ResultFile& file, const io::FileInfo& info, const io::OperandRows<T>& operands,
                   const ResultRows<T>& results, bool with_gradients) {
  const Shape& shape = info.problem.shape;
  const RowRange rows = operands.query_rows;
  file.dataset("O", info.leading, shape.rows, shape.value_dim, rows, results.output.data());
  file.dataset("LSE", info.leading, shape.rows, 0, rows, results.lse.data());
  if (!with_gradients) return;
  file.dataset("dQ", info.leading, shape.rows, shape.dim, rows, results.query.data());
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    const RowRange mine = operands.key_rows[u];
    file.dataset(fmt::format("dK{}", u + 1), info.leading, shape.key_rows[u], shape.dim, mine,
                 results.key[u].data());
    file.dataset(fmt::format("dV{}", u + 1), info.leading, shape.key_rows[u], shape.value_dim, mine,
                 results.value[u].data());
  }
  if (results.loss) file.scalar("loss", *results.loss);
}

template struct ResultRows<float>;
template struct ResultRows<double>;
template void write_results(io::ResultFile&, const io::FileInfo&, const io::OperandRows<float>&,
                            const ResultRows<float>&, bool);
template void write_results(io::ResultFile&, const io::FileInfo&, const io::OperandRows<double>&,
                            const ResultRows<double>&, bool);

}  // namespace tattn::cli
