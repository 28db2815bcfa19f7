#include "plan/score_bound.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace tattn::plan {
namespace {

constexpr double kSafe =
    1e-200;  // of a sum of powers: a term that is lost is below DBL_MIN, so relative to this nothing

double power(double x, int exponent) {
  double result = x;
  for (int i = 1; i < exponent; ++i) result *= x;
  return result;
}

/// ||share * x / peaks||_p, without the loss of powers below the range of double.
template <class T>
double row_norm(const Balance& balance, const std::vector<double>& peaks, const T* x) {
  const int p = balance.operands();
  const auto entry = [&](std::size_t l) {
    return balance.share[l] * (std::abs(static_cast<double>(x[l])) / peaks[l]);
  };
  double largest = 0, sum = 0;
  for (std::size_t l = 0; l < peaks.size(); ++l)
    if (balance.share[l] > 0) {
      const double v = entry(l);
      largest = std::max(largest, v);
      sum += power(v, p);
    }
  if (sum > kSafe || largest == 0) return std::pow(sum, 1.0 / p);
  sum = 0;
  for (std::size_t l = 0; l < peaks.size(); ++l)
    if (balance.share[l] > 0) sum += power(entry(l) / largest, p);
  return largest * std::pow(sum, 1.0 / p);
}

}  // namespace

template <class T>
void raise_column_peaks(const T* x, std::int64_t rows, std::int64_t dim, double* peaks) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t l = 0; l < dim; ++l)
      peaks[l] = std::max(peaks[l], std::abs(static_cast<double>(x[i * dim + l])));
}

Balance balance(std::vector<std::vector<double>> peaks) {
  const std::size_t dim = peaks.empty() ? 0 : peaks.front().size();
  std::vector<double> log_targets(dim, 0);
  for (const auto& operand : peaks)
    for (std::size_t l = 0; l < dim; ++l)
      log_targets[l] += std::log(operand[l]) / static_cast<double>(peaks.size());  // log 0 = -inf stays
  double largest = -std::numeric_limits<double>::infinity();
  for (const double target : log_targets) largest = std::max(largest, target);
  std::vector<double> share(dim, 0);
  for (std::size_t l = 0; l < dim; ++l)
    if (std::isfinite(log_targets[l]))  // so small a share that it vanishes is kept at the least one
      share[l] = std::max(std::exp(log_targets[l] - largest), std::numeric_limits<double>::min());
  return {std::move(peaks), std::move(share), largest};
}

template <class T>
void row_norms(const Balance& balance, int operand, const T* x, std::int64_t rows, double* norms) {
  const auto& peaks = balance.peaks[static_cast<std::size_t>(operand)];
  const auto dim = static_cast<std::int64_t>(peaks.size());
  for (std::int64_t i = 0; i < rows; ++i) norms[i] = row_norm(balance, peaks, x + i * dim);
}

/// Sums of powers are compared and one root is taken: this is done for every step of a training run.
template <class T>
double largest_row_norm(const Balance& balance, int operand, const T* x, std::int64_t rows) {
  const auto& peaks = balance.peaks[static_cast<std::size_t>(operand)];
  const int p = balance.operands();
  std::vector<double> factor(peaks.size(), 0.0);
  for (std::size_t l = 0; l < peaks.size(); ++l)
    if (balance.share[l] > 0) factor[l] = balance.share[l] / peaks[l];
  double largest = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const T* row = x + i * std::ssize(peaks);
    double sum = 0;
    for (std::size_t l = 0; l < factor.size(); ++l)
      sum += power(std::abs(static_cast<double>(row[l])) * factor[l], p);
    largest = std::max(largest, sum);
  }
  if (largest > kSafe && std::isfinite(largest)) return std::pow(largest, 1.0 / p);
  largest = 0;  // of the largest or smallest magnitudes there are
  for (std::int64_t i = 0; i < rows; ++i)
    largest = std::max(largest, row_norm(balance, peaks, x + i * std::ssize(peaks)));
  return largest;
}

double score_bound(const Balance& balance, double scale, double query_norm, std::span<const double> key_norms) {
  double log_bound = std::log(std::abs(scale)) + balance.operands() * balance.log_target + std::log(query_norm);
  for (const double norm : key_norms) log_bound += std::log(norm);
  if (log_bound == -std::numeric_limits<double>::infinity()) return 0;
  // Each logarithm is below 745 and is rounded relatively; 3 (t+2)^2 such roundings meet in log_bound.
  constexpr double kEps = std::numeric_limits<double>::epsilon();
  const double t2 = balance.operands() + 1.0;
  const double slack = kEps * (3 * 745 * t2 * t2 + t2 * (static_cast<double>(balance.share.size()) + 8));
  return std::exp(log_bound) * (1 + slack) + 4 * std::numeric_limits<double>::denorm_min();
}

template void raise_column_peaks(const float*, std::int64_t, std::int64_t, double*);
template void raise_column_peaks(const double*, std::int64_t, std::int64_t, double*);
template void row_norms(const Balance&, int, const float*, std::int64_t, double*);
template void row_norms(const Balance&, int, const double*, std::int64_t, double*);
template double largest_row_norm(const Balance&, int, const float*, std::int64_t);
template double largest_row_norm(const Balance&, int, const double*, std::int64_t);

}  // namespace tattn::plan
