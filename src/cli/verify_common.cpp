#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/verify.hpp"

namespace tattn::cli {
namespace {

template <class T>
double root_mean_square(const Communicator& comm, const std::vector<T>& entries, std::int64_t rows) {
  double sum = 0;
  for (const T x : entries) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(comm.sum(sum) / static_cast<double>(rows));
}

/// Root mean square over the rows of sum_m |a[m] b[m]|.
template <class T>
double mean_overlap(const Communicator& comm, const std::vector<T>& a, const std::vector<T>& b, std::int64_t rows,
                    std::int64_t columns) {
  double total = 0;
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t at = 0; at < a.size(); at += width) {
    double row = 0;
    for (std::size_t m = at; m < at + width; ++m)
      row += std::abs(static_cast<double>(a[m]) * static_cast<double>(b[m]));
    total += row * row;
  }
  return std::sqrt(comm.sum(total) / static_cast<double>(rows));
}

}  // namespace

template <class T>
double largest_lse(const Communicator& comm, const Subject<T>& subject) {
  double largest = 0;
  for (const T lse : subject.results.lse) largest = std::max(largest, std::abs(static_cast<double>(lse)));
  return comm.max(largest);
}

template <class T>
Magnitudes magnitudes(const Communicator& comm, const Subject<T>& subject) {
  const Shape& shape = subject.problem.shape;
  Magnitudes sizes;
  sizes.query = root_mean_square(comm, subject.operands.query, shape.total_rows());
  for (int u = 0; u < shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    sizes.key[at] = root_mean_square(comm, subject.operands.key[at], shape.total_key_rows(u));
    sizes.value[at] = root_mean_square(comm, subject.operands.value[at], shape.total_key_rows(u));
  }
  if (!subject.gradients) return sizes;
  sizes.lse = root_mean_square(comm, subject.results.lse, shape.total_rows());
  sizes.upstream = root_mean_square(comm, subject.operands.upstream, shape.total_rows());
  sizes.overlap =
      mean_overlap(comm, subject.operands.upstream, subject.results.output, shape.total_rows(), shape.value_dim);
  return sizes;
}

void Comparison::add(std::int64_t row, std::int64_t columns, const double* found, const double* expected) {
  double difference = 0;
  for (std::int64_t m = 0; m < columns; ++m) {
    difference += (found[m] - expected[m]) * (found[m] - expected[m]);
    expected_ += expected[m] * expected[m];
  }
  difference_ += difference;
  ++rows_;
  if (!(difference <= worst_)) {
    worst_ = difference;
    worst_row_ = row;
  }
}

Check Comparison::finish(const Communicator& comm, double tolerance) const {
  const std::int64_t rows = comm.sum(rows_);
  const double difference = std::sqrt(comm.sum(difference_)), expected = std::sqrt(comm.sum(expected_));
  const double rounding = rounding_ * std::sqrt(static_cast<double>(rows));
  const double mine = std::isnan(worst_) ? std::numeric_limits<double>::infinity() : worst_;
  const bool worst_here = mine == comm.max(mine);
  const std::int64_t worst_row = comm.max(worst_here ? worst_row_ : std::int64_t{-1});
  return {name_, fmt::format("{} rows", rows), relative_error(difference, expected, rounding, tolerance),
          worst_row};
}

double relative_error(double difference, double reference, double rounding, double tolerance) {
  return difference == 0 ? 0 : difference / std::max(reference, rounding / tolerance);
}

template double largest_lse(const Communicator&, const Subject<float>&);
template double largest_lse(const Communicator&, const Subject<double>&);
template Magnitudes magnitudes(const Communicator&, const Subject<float>&);
template Magnitudes magnitudes(const Communicator&, const Subject<double>&);

}  // namespace tattn::cli
