#include "polynomial/score_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "comm/sampled_rows.hpp"
#include "polynomial/row_sample.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kSlicesSampled = 4;
constexpr std::array<std::int64_t, kMaxOrder> kRowsSampled = {256, 64, 24, 12};  // by order: k^(t+1) scores

template <class T>
const Block<const T>& operand(const Operands<T>& operands, int number) {
  return number == 0 ? operands.query : operands.key[static_cast<std::size_t>(number - 1)];
}

/// The sampled rows of one slice, query first, each with its row number in the slice.
struct Sample {
  std::vector<std::vector<std::int64_t>> rows;
  std::vector<std::vector<double>> entries;
};

template <class T>
Sample take(const Communicator& comm, const Shape& shape, const Operands<T>& operands, std::int64_t slice) {
  const std::int64_t count = kRowsSampled[static_cast<std::size_t>(shape.order - 1)];
  Sample sample;
  for (int u = 0; u <= shape.order; ++u) {
    const std::int64_t length = u == 0 ? shape.rows : shape.key_rows[static_cast<std::size_t>(u - 1)];
    sample.rows.push_back(pick(length, count, static_cast<std::uint64_t>(slice), fmt::format("scores {}", u)));
    std::vector<std::int64_t> flattened = sample.rows.back();
    for (std::int64_t& row : flattened) row += slice * length;
    const auto found = static_cast<std::int64_t>(flattened.size());
    const RowRange share = comm.rank() == 0 ? RowRange{0, found} : RowRange{found, found};
    sample.entries.push_back(collect_rows(comm, operand(operands, u), flattened, share, shape.dim));
  }
  return sample;
}

/// Visits every tuple of the sample: `product` is the entrywise product of the rows chosen so far.
class Visit {
 public:
  Visit(const Problem& problem, const Sample& sample, ScoreRange& range)
      : problem_(problem), sample_(sample), range_(range) {}

  void operator()(std::size_t operand, const std::vector<double>& product, std::int64_t query_row) {
    if (operand == sample_.rows.size()) return score(product);
    for (std::size_t k = 0; k < sample_.rows[operand].size(); ++k) {
      const std::int64_t row = sample_.rows[operand][k];
      if (operand > 0 && problem_.causal && row > query_row) continue;
      std::vector<double> next = product;
      const double* x = sample_.entries[operand].data() + k * product.size();
      for (std::size_t l = 0; l < next.size(); ++l) next[l] *= x[l];
      (*this)(operand + 1, next, operand == 0 ? row : query_row);
    }
  }

 private:
  void score(const std::vector<double>& product) {
    double sum = 0;
    for (const double x : product) sum += x;
    range_.smallest = std::min(range_.smallest, problem_.scale * sum);
    range_.largest = std::max(range_.largest, problem_.scale * sum);
    ++range_.samples;
  }

  const Problem& problem_;
  const Sample& sample_;
  ScoreRange& range_;
};

}  // namespace

template <class T>
ScoreRange score_range(const Communicator& comm, const Problem& problem, const Operands<T>& operands) {
  ScoreRange range;
  range.bound = largest_score(comm, problem, operands, balance_operands(comm, problem, operands));
  range.smallest = std::numeric_limits<double>::infinity();
  range.largest = -range.smallest;
  for (const std::int64_t slice : pick(problem.shape.slices, kSlicesSampled, 0, "slices")) {
    const Sample sample = take(comm, problem.shape, operands, slice);
    const std::vector<double> ones(static_cast<std::size_t>(problem.shape.dim), 1.0);
    if (comm.rank() == 0) Visit(problem, sample, range)(0, ones, 0);
  }
  return range;
}

template ScoreRange score_range(const Communicator&, const Problem&, const Operands<float>&);
template ScoreRange score_range(const Communicator&, const Problem&, const Operands<double>&);

}  // namespace tattn::polynomial
