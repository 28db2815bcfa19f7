#include "plan/sum_blocks.hpp"

namespace tattn::plan {

std::vector<SumNode> sum_nodes(RowRange units, std::int64_t count) {
  std::vector<SumNode> nodes;
  for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
    nodes.push_back({unit / count, 0, unit % count});
    while (nodes.size() > 1 && nodes.back().follows(nodes[nodes.size() - 2])) {
      nodes.pop_back();
      nodes.back() = nodes.back().parent();
    }
  }
  return nodes;
}

}  // namespace tattn::plan
