#include "plan/monomial_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

void append(Walk& walk, std::int64_t parent, std::int32_t variable, std::int32_t degree, double coefficient,
            double weight, bool owned) {
  walk.parent.push_back(parent);
  walk.variable.push_back(variable);
  walk.degree.push_back(degree);
  walk.coefficient.push_back(coefficient);
  walk.weight.push_back(weight);
  walk.owned.push_back(owned ? 1 : 0);
}

/// Where a depth-first visit of the full walk stands: the monomial on each level of the path.
class FullVisit {
 public:
  FullVisit(std::int64_t dim, int degree) : dim_(dim), degree_(degree) { path_.push_back({-1, 0, 1, 1, -1}); }

  [[nodiscard]] std::int64_t subtree_size(std::int64_t last, int depth) const {
    const std::int64_t variables = dim_ - std::max<std::int64_t>(last, 0);
    return full_walk_size(variables, degree_ - depth).value_or(std::numeric_limits<std::int64_t>::max());
  }

  /// Puts the path on node `index`, counted from the root.
  void seek(std::int64_t index) {
    while (index > 0) {
      --index;  // past the node itself
      std::int64_t variable = std::max<std::int64_t>(path_.back().variable, 0);
      for (;; ++variable) {
        const std::int64_t size = subtree_size(variable, static_cast<int>(path_.size()));
        if (index < size) break;
        index -= size;
      }
      descend(static_cast<std::int32_t>(variable));
    }
  }

  /// To the next node in depth-first order; false after the last.
  bool advance() {
    if (static_cast<int>(path_.size()) <= degree_ && dim_ > 0) {
      descend(std::max<std::int32_t>(path_.back().variable, 0));
      return true;
    }
    while (path_.size() > 1) {
      const std::int32_t next = path_.back().variable + 1;
      path_.pop_back();
      if (next < dim_) {
        descend(next);
        return true;
      }
    }
    return false;
  }

  /// Appends the path's nodes from `level` on to `walk`.
  void emit(Walk& walk, std::size_t level, bool owned) {
    Level& node = path_[level];
    node.position = walk.size();
    append(walk, level == 0 ? -1 : path_[level - 1].position, node.variable, static_cast<std::int32_t>(level),
           node.coefficient, owned ? node.weight : 0, owned);
  }

  [[nodiscard]] std::size_t depth() const { return path_.size() - 1; }

 private:
  struct Level {
    std::int32_t variable;
    std::int32_t repeats;
    double coefficient;
    double weight;
    std::int64_t position;  ///< in the walk being written
  };

  void descend(std::int32_t variable) {
    const Level& parent = path_.back();
    const std::int32_t repeats = variable == parent.variable ? parent.repeats + 1 : 1;
    const auto degree = static_cast<double>(path_.size());
    path_.push_back({variable, repeats, parent.coefficient * degree / repeats, parent.weight / repeats, -1});
  }

  std::int64_t dim_;
  int degree_;
  std::vector<Level> path_;
};

}  // namespace

std::int64_t Walk::features() const {
  return std::count(owned.begin(), owned.end(), std::uint8_t{1});
}

int Walk::largest_degree() const {
  return degree.empty() ? 0 : *std::max_element(degree.begin(), degree.end());
}

std::optional<std::int64_t> full_walk_size(std::int64_t dim, int degree) {
  // C(m+k, k) = C(m+k-1, k-1) (m+k) / k with the divisor cancelled first, so that only the result can overflow.
  const std::int64_t small = std::min<std::int64_t>(dim, degree), large = std::max<std::int64_t>(dim, degree);
  std::int64_t count = 1;
  for (std::int64_t k = 1; k <= small; ++k) {
    const std::int64_t shared = std::gcd(count, k);
    const std::int64_t factor = (large + k) / (k / shared);
    if (__builtin_mul_overflow(count / shared, factor, &count)) return std::nullopt;
  }
  return count;
}

Walk full_walk(std::int64_t dim, int degree) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  const auto size = full_walk_size(dim, degree);
  if (!size || *size > kLargest)
    throw Error(Status::failed, fmt::format("the monomials of {} variables up to degree {} are too many to list: "
                                            "lower the degree, or choose features from the data",
                                            dim, degree));
  return full_subwalk(dim, degree, 0, *size);
}

Walk full_subwalk(std::int64_t dim, int degree, std::int64_t begin, std::int64_t end) {
  Walk walk;
  walk.dim = dim;
  if (begin >= end) return walk;
  FullVisit visit(dim, degree);
  visit.seek(begin);
  for (std::size_t level = 0; level < visit.depth(); ++level) visit.emit(walk, level, false);
  visit.emit(walk, visit.depth(), true);
  for (std::int64_t node = begin + 1; node < end && visit.advance(); ++node) visit.emit(walk, visit.depth(), true);
  return walk;
}

Walk first_monomials(std::int64_t dim, std::int64_t features) {
  int degree = 0;
  for (auto size = full_walk_size(dim, degree); size && *size < features; size = full_walk_size(dim, degree))
    ++degree;
  return full_subwalk(dim, degree, 0, features);
}

void set_weights(Walk& walk, const ExpPolynomial& polynomial) {
  for (std::size_t node = 0; node < walk.weight.size(); ++node)
    if (walk.owned[node] != 0)
      walk.weight[node] =
          polynomial.coefficients.at(static_cast<std::size_t>(walk.degree[node])) * walk.coefficient[node];
}

std::vector<std::int64_t> range_ancestors(const Walk& walk, std::int64_t begin) {
  std::vector<std::int64_t> ancestors;
  for (std::int64_t node = walk.parent[static_cast<std::size_t>(begin)]; node >= 0;
       node = walk.parent[static_cast<std::size_t>(node)])
    ancestors.push_back(node);
  std::reverse(ancestors.begin(), ancestors.end());
  return ancestors;
}

Walk subwalk(const Walk& walk, std::int64_t begin, std::int64_t end) {
  Walk part;
  part.dim = walk.dim;
  if (begin >= end) return part;
  const std::vector<std::int64_t> ancestors = range_ancestors(walk, begin);
  const auto before = static_cast<std::int64_t>(ancestors.size());
  const auto local = [&](std::int64_t node) {
    if (node >= begin) return node - begin + before;
    // The root's parent, or an ancestor: they ascend.
    return node < 0 ? node : std::lower_bound(ancestors.begin(), ancestors.end(), node) - ancestors.begin();
  };
  const auto copy = [&](std::int64_t node, bool owned) {
    const auto at = static_cast<std::size_t>(node);
    append(part, local(walk.parent[at]), walk.variable[at], walk.degree[at], walk.coefficient[at],
           owned ? walk.weight[at] : 0, owned);
  };
  for (const std::int64_t node : ancestors) copy(node, false);
  for (std::int64_t node = begin; node < end; ++node) copy(node, walk.owned[static_cast<std::size_t>(node)] != 0);
  return part;
}

}  // namespace tattn::plan
