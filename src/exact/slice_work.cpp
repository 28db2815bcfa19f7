#include "exact/slice_work.hpp"

#include "kernels/panels.hpp"
#include "plan/sum_blocks.hpp"

namespace tattn::exact {

template <class T>
std::vector<QueryTile> query_tiles(const SliceWork<T>& work) {
  const std::int64_t width = kernels::panel_width<T>();
  const RowRange rows = work.rows;
  std::int64_t panels = 4;  // the keys of a tile are read once for this many register tiles
  if (work.fixed_tiles)
    panels = std::clamp<std::int64_t>(plan::SumBlocks::kRows / width, 1, panels);
  else
    while (panels > 1 && kernels::ceil_div(rows.size(), panels * width) < 2 * work.threads) panels /= 2;
  std::vector<QueryTile> tiles;
  for (std::int64_t begin = rows.begin; begin < rows.end; begin += panels * width) {
    const std::int64_t end = std::min(begin + panels * width, rows.end);
    tiles.push_back({{begin, end}, kernels::ceil_div(end - begin, width)});
  }
  return tiles;
}

std::vector<RowRange> chunks(RowRange range, std::int64_t capacity) {
  std::vector<RowRange> result;
  for (std::int64_t begin = range.begin; begin < range.end; begin += capacity)
    result.push_back({begin, std::min(begin + capacity, range.end)});
  return result;
}

template std::vector<QueryTile> query_tiles(const SliceWork<float>&);
template std::vector<QueryTile> query_tiles(const SliceWork<double>&);

}  // namespace tattn::exact
