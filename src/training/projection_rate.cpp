#include "training/projection_rate.hpp"

#include <vector>

#include "stopwatch.hpp"
#include "training/projection.hpp"

namespace tattn::training {
namespace {

constexpr std::int64_t kFlops = 8'000'000;  // of one measurement
constexpr int kRepeats = 3;

}  // namespace

template <class T>
double projection_rate(std::int64_t model_dim, std::int64_t columns) {
  const std::int64_t rows = kFlops / (4 * model_dim * columns) + 1;
  const std::vector<T> a(static_cast<std::size_t>(rows * model_dim), T{1});
  std::vector<T> projected(static_cast<std::size_t>(rows * columns));
  std::vector<double> weight(static_cast<std::size_t>(model_dim * columns), 0.5);
  const double seconds = best_seconds(kRepeats, [&] {
    project(a.data(), rows, model_dim, weight.data(), columns, 1, projected.data());
    add_weight_gradient(a.data(), projected.data(), rows, model_dim, columns, 1, weight.data());
  });
  return static_cast<double>(4 * rows * model_dim * columns) / seconds;
}

template double projection_rate<float>(std::int64_t, std::int64_t);
template double projection_rate<double>(std::int64_t, std::int64_t);

}  // namespace tattn::training
