#include "exact/softmax_rows.hpp"

#include <cmath>
#include <numbers>

namespace tattn::exact {

SoftmaxRows::SoftmaxRows(std::int64_t rows, std::int64_t value_dim)
    : rows_(rows), value_dim_(value_dim), data_(static_cast<std::size_t>(rows * (value_dim + 2)), 0.0) {}

void SoftmaxRows::merge(std::int64_t row, double top, const double* sum, std::int64_t stride) {
  if (sum[value_dim_ * stride] == 0) return;
  double* mine = data_.data() + row * columns();
  double& my_top = mine[value_dim_ + 1];
  const bool fresh = mine[value_dim_] == 0;
  const double larger = fresh || top > my_top ? top : my_top;
  const double keep = fresh ? 0.0 : std::exp2(my_top - larger), add = std::exp2(top - larger);
  for (std::int64_t m = 0; m <= value_dim_; ++m) mine[m] = keep * mine[m] + add * sum[m * stride];
  my_top = larger;
}

template <class T>
void SoftmaxRows::finish(const Output<T>& out) const {
  for (std::int64_t i = 0; i < rows_; ++i) {
    const double* row = data_.data() + i * columns();
    const double normaliser = row[value_dim_];
    for (std::int64_t m = 0; m < value_dim_; ++m)
      out.output[i * value_dim_ + m] = static_cast<T>(row[m] / normaliser);
    out.lse[i] = static_cast<T>(std::numbers::ln2 * (row[value_dim_ + 1] + std::log2(normaliser)));
  }
}

template void SoftmaxRows::finish(const Output<float>&) const;
template void SoftmaxRows::finish(const Output<double>&) const;

}  // namespace tattn::exact
