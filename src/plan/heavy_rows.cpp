#include "plan/heavy_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tattn::plan {
namespace {

constexpr std::int64_t kMostHeavy = 4096;
constexpr double kMostShare = 0.25, kStep = 2;  // of the exact method's work; from one budget to the next

/// Rows a slice of operand u, Q first.
std::int64_t rows_of(const Shape& shape, std::size_t u) {
  return u == 0 ? shape.rows : shape.key_rows[u - 1];
}

/// Finds the counts with the smallest product of norms within a budget.
class Best {
 public:
  Best(const Shape& shape, const std::array<std::vector<double>, kMaxOrder + 1>& norms, double budget)
      : shape_(shape), norms_(norms) {
    descend(0, budget, 0);
  }
  [[nodiscard]] const HeavyCounts& counts() const { return best_; }

 private:
  void descend(std::size_t u, double budget, double log_product) {
    if (u > static_cast<std::size_t>(shape_.order)) {
      if (log_product >= least_) return;
      least_ = log_product;
      best_ = counts_;
      return;
    }
    const auto rows = static_cast<double>(rows_of(shape_, u));
    const std::int64_t most = std::min(most_heavy(rows_of(shape_, u)), std::ssize(norms_[u]) - 1);
    for (std::int64_t count = 0; count <= most; count = std::max<std::int64_t>(1, 2 * count)) {
      const double left = budget - static_cast<double>(count) / rows;
      if (left < 0) break;
      counts_[u] = count;
      descend(u + 1, left, log_product + std::log(norms_[u][static_cast<std::size_t>(count)]));
    }
    counts_[u] = 0;
  }

  const Shape& shape_;
  const std::array<std::vector<double>, kMaxOrder + 1>& norms_;
  HeavyCounts counts_{}, best_{};
  double least_ = std::numeric_limits<double>::infinity();
};

std::int64_t size_of(RowSet set, std::int64_t rows, std::int64_t heavy) {
  return set == RowSet::all ? rows : set == RowSet::heavy ? heavy : rows - heavy;
}

}  // namespace

bool HeavyRows::any() const {
  return std::any_of(counts.begin(), counts.end(), [](std::int64_t count) { return count > 0; });
}

TuplePart light_part() {
  TuplePart part;
  part.rows.fill(RowSet::light);
  return part;
}

std::vector<TuplePart> exact_parts(const Shape& shape, const HeavyCounts& counts) {
  std::vector<TuplePart> parts;
  const auto add = [&](const TuplePart& part) {
    if (has_tuples(part_shape(shape, counts, part))) parts.push_back(part);
  };
  TuplePart part;
  part.rows.fill(RowSet::all);
  part.rows[0] = RowSet::heavy;
  add(part);
  part.rows[0] = RowSet::light;
  for (std::size_t u = 1; u <= static_cast<std::size_t>(shape.order); ++u) {
    part.rows[u] = RowSet::heavy;
    add(part);
    part.rows[u] = RowSet::light;
  }
  return parts;
}

Shape part_shape(const Shape& shape, const HeavyCounts& counts, const TuplePart& part) {
  Shape result = shape;
  result.rows = size_of(part.rows[0], shape.rows, counts[0]);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    result.key_rows[u] = size_of(part.rows[u + 1], shape.key_rows[u], counts[u + 1]);
  return result;
}

bool has_tuples(const Shape& shape) {
  return shape.rows > 0 && std::all_of(shape.key_rows.begin(), shape.key_rows.begin() + shape.order,
                                       [](std::int64_t rows) { return rows > 0; });
}

std::int64_t most_heavy(std::int64_t rows) {
  return std::min(kMostHeavy, rows / 8);
}

std::vector<HeavyCounts> heavy_ladder(const Shape& shape,
                                      const std::array<std::vector<double>, kMaxOrder + 1>& norms) {
  const std::int64_t longest =
      std::max(shape.rows, *std::max_element(shape.key_rows.begin(), shape.key_rows.begin() + shape.order));
  std::vector<HeavyCounts> ladder;
  for (double budget = kMostShare; budget * static_cast<double>(longest) >= 1; budget /= kStep) {
    const HeavyCounts counts = Best(shape, norms, budget).counts();
    if (counts != HeavyCounts{} && (ladder.empty() || counts != ladder.back())) ladder.push_back(counts);
  }
  std::reverse(ladder.begin(), ladder.end());
  return ladder;
}

}  // namespace tattn::plan
