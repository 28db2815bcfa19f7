#include "plan/feature_ranking.hpp"

#include <algorithm>
#include <utility>

namespace tattn::plan {
namespace {

enum Mark : std::uint8_t { unused, pass_through, kept };

std::vector<std::uint8_t> mark(const FeatureRanking& ranking, std::int64_t count) {
  std::vector<std::uint8_t> marks(ranking.parent.size(), unused);
  for (std::int64_t i = 0; i < std::min(count, ranking.features()); ++i) {
    const std::int64_t node = ranking.by_energy[static_cast<std::size_t>(i)];
    marks[static_cast<std::size_t>(node)] = kept;
    for (std::int64_t at = ranking.parent[static_cast<std::size_t>(node)];
         at >= 0 && marks[static_cast<std::size_t>(at)] == unused;
         at = ranking.parent[static_cast<std::size_t>(at)])
      marks[static_cast<std::size_t>(at)] = pass_through;
  }
  return marks;
}

/// Lays nodes out depth-first, children by ascending variable.
class Layout {
 public:
  Layout(const FeatureRanking& ranking, std::vector<std::uint8_t> marks)
      : ranking_(ranking), marks_(std::move(marks)), children_(marks_.size()) {
    for (std::size_t node = 1; node < marks_.size(); ++node)
      if (marks_[node] != unused) children_[static_cast<std::size_t>(ranking.parent[node])].push_back(node);
    for (auto& list : children_)
      std::sort(list.begin(), list.end(),
                [&](std::size_t a, std::size_t b) { return ranking.variable[a] < ranking.variable[b]; });
    walk_.dim = ranking.dim;
  }

  Walk run() {
    if (!marks_.empty() && marks_[0] != unused) lay(0, -1, 0, 1, 1);
    return std::move(walk_);
  }

 private:
  /// Recursion is as deep as the largest degree.
  void lay(std::size_t node, std::int64_t parent, int repeats, double coefficient, double weight) {
    const bool owned = marks_[node] == kept;
    const std::int64_t here = walk_.size();
    walk_.parent.push_back(parent);
    walk_.variable.push_back(ranking_.variable[node]);
    walk_.degree.push_back(ranking_.degree[node]);
    walk_.coefficient.push_back(coefficient);
    walk_.weight.push_back(owned ? weight : 0);
    walk_.owned.push_back(owned ? 1 : 0);
    for (const std::size_t child : children_[node]) {
      const int again = ranking_.variable[child] == ranking_.variable[node] ? repeats + 1 : 1;
      lay(child, here, again, coefficient * ranking_.degree[child] / again, weight / again);
    }
  }

  const FeatureRanking& ranking_;
  std::vector<std::uint8_t> marks_;
  std::vector<std::vector<std::size_t>> children_;
  Walk walk_;
};

}  // namespace

Walk keep(const FeatureRanking& ranking, std::int64_t count) {
  return Layout(ranking, mark(ranking, count)).run();
}

}  // namespace tattn::plan
