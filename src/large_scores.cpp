#include "large_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "comm/largest_rows.hpp"
#include "doubles.hpp"
#include "plan/heavy_rows.hpp"
#include "planned_passes.hpp"
#include "split/exact_parts.hpp"
#include "split/part.hpp"

namespace tattn {
namespace {

constexpr float kMostLse = 256;

/// forward and gradient on copies in double.
void gradient_in_double(const Communicator& comm, const Problem& problem, const Plan& plan,
                        const Operands<float>& operands, const Options& options, const float* upstream,
                        const Gradients<float>& gradients) {
  Doubles doubles;
  const std::int64_t rows = operands.query.rows.size(), columns = problem.shape.value_dim;
  const Operands<double> in = copy(problem.shape, operands, doubles);
  std::vector<double> output(static_cast<std::size_t>(rows * columns)), lse(static_cast<std::size_t>(rows));
  const Gradients<double> result = room(problem.shape, operands, gradients, doubles);
  Options silent = options;  // the pass is gradient's own
  silent.progress = nullptr;
  planned_forward<double>(comm, problem, plan, in, silent, {output.data(), lse.data()}, nullptr);
  planned_gradient<double>(comm, problem, plan, in, options, {output.data(), lse.data()},
                           doubles.copy(upstream, rows * columns), result, nullptr);
  doubles.round();
}

/// How many rows of a slice are large, in the slice that has most of them.
std::int64_t most_large(const Communicator& comm, const Shape& shape, RowRange mine,
                        const std::vector<double>& sizes) {
  std::vector<double> large(static_cast<std::size_t>(shape.slices), 0.0);
  for (std::int64_t row = mine.begin; row < mine.end; ++row)
    if (sizes[static_cast<std::size_t>(row - mine.begin)] > kMostLse)
      ++large[static_cast<std::size_t>(row / shape.rows)];
  comm.sum(large.data(), shape.slices);
  return static_cast<std::int64_t>(*std::max_element(large.begin(), large.end()));
}

/// |LSE|, of the plan's heavy rows and where it is no number infinity: the largest of all.
std::vector<double> sizes_of(const Plan& plan, RowRange mine, const float* lse) {
  constexpr double kFirst = std::numeric_limits<double>::infinity();
  std::vector<double> sizes(static_cast<std::size_t>(mine.size()));
  std::transform(lse, lse + mine.size(), sizes.begin(),
                 [](float x) { return std::isnan(x) ? kFirst : std::abs(x); });
  if (plan.heavy != nullptr)
    for (const std::int64_t row : plan.heavy->rows[0])
      if (mine.begin <= row && row < mine.end) sizes[static_cast<std::size_t>(row - mine.begin)] = kFirst;
  return sizes;
}

/// Query rows for double: those of large LSE and all that are heavy in the plan; as many in every slice as in the
/// one that has most, filled up with the next largest.
plan::HeavyRows large_rows(const Communicator& comm, const Shape& shape, const Plan& plan, RowRange mine,
                           const float* lse) {
  const std::vector<double> sizes = sizes_of(plan, mine, lse);
  plan::HeavyRows large;
  large.counts[0] = most_large(comm, shape, mine, sizes);
  for (std::int64_t slice = 0; slice < shape.slices; ++slice) {
    const RowRange rows = intersect(mine, {slice * shape.rows, (slice + 1) * shape.rows});
    const std::span<const double> all(sizes);
    const auto own = rows.empty() ? all.first(0)
                                  : all.subspan(static_cast<std::size_t>(rows.begin - mine.begin),
                                                static_cast<std::size_t>(rows.size()));
    for (const SizedRow& one : largest_rows(comm, own, rows.begin, large.counts[0]))
      large.rows[0].push_back(one.row);
  }
  std::sort(large.rows[0].begin(), large.rows[0].end());
  return large;
}

/// The plan for the large rows, or for the rest, which have none of its heavy query rows.
Plan part_plan(const Plan& plan, const plan::HeavyRows& large, plan::RowSet set) {
  Plan part = plan;
  if (plan.heavy == nullptr) return part;
  plan::HeavyRows heavy = *plan.heavy;
  heavy.rows[0].clear();
  if (set == plan::RowSet::light) heavy.counts[0] = 0;
  if (set == plan::RowSet::heavy)
    for (const std::int64_t row : plan.heavy->rows[0])
      heavy.rows[0].push_back(std::lower_bound(large.rows[0].begin(), large.rows[0].end(), row) -
                              large.rows[0].begin());
  part.heavy = heavy.any() ? std::make_shared<const plan::HeavyRows>(std::move(heavy)) : nullptr;
  return part;
}

plan::TuplePart part_of(plan::RowSet queries) {
  plan::TuplePart part;
  part.rows[0] = queries;
  return part;
}

/// The large rows in double, the rest as it is. All arguments are those of gradient_of_any_scores.
void gradient_of_parts(const Communicator& comm, const Problem& problem, const Plan& plan,
                       const Operands<float>& operands, const Options& options, const Output<const float>& out,
                       const float* upstream, const Gradients<float>& gradients, const Kept* kept) {
  using plan::RowSet;
  const plan::HeavyRows large = large_rows(comm, problem.shape, plan, operands.query.rows, out.lse);
  if (large.counts[0] == problem.shape.rows)
    return gradient_in_double(comm, problem, plan, operands, options, upstream, gradients);
  const double share = static_cast<double>(large.counts[0]) / static_cast<double>(problem.shape.rows);
  split::clear(problem.shape, operands, gradients);
  const Plan rest_plan = part_plan(plan, large, RowSet::light), large_plan = part_plan(plan, large, RowSet::heavy);
  const Options first = split::part_options(options, 0, share),
                rest = split::part_options(options, share, 1 - share);
  split::Part<float>(problem, large, part_of(RowSet::heavy), operands)
      .gradient(
          [&](const Problem& some, const Operands<float>& rows, const Output<const float>&, const float* up,
              const Gradients<float>& into) { gradient_in_double(comm, some, large_plan, rows, first, up, into); },
          out, upstream, gradients);
  split::Part<float>(problem, large, part_of(RowSet::light), operands)
      .gradient(
          [&](const Problem& some, const Operands<float>& rows, const Output<const float>& whole, const float* up,
              const Gradients<float>& into) {
            planned_gradient(comm, some, rest_plan, rows, rest, whole, up, into, kept);
          },
          out, upstream, gradients);
}

}  // namespace

template <class T>
void gradient_of_any_scores(const Communicator& comm, const Problem& problem, const Plan& plan,
                            const Operands<T>& operands, const Options& options, const Output<const T>& out,
                            const T* upstream, const Gradients<T>& gradients, const Kept* kept) {
  if constexpr (std::is_same_v<T, float>) {
    const std::int64_t rows = operands.query.rows.size();
    const bool small = std::all_of(out.lse, out.lse + rows, [](float x) { return std::abs(x) <= kMostLse; });
    if (!comm.all(small)) {
      if (problem.causal)  // a mask goes by the rows' numbers
        return gradient_in_double(comm, problem, plan, operands, options, upstream, gradients);
      return gradient_of_parts(comm, problem, plan, operands, options, out, upstream, gradients, kept);
    }
  }
  planned_gradient(comm, problem, plan, operands, options, out, upstream, gradients, kept);
}

template void gradient_of_any_scores(const Communicator&, const Problem&, const Plan&, const Operands<float>&,
                                     const Options&, const Output<const float>&, const float*,
                                     const Gradients<float>&, const Kept*);
template void gradient_of_any_scores(const Communicator&, const Problem&, const Plan&, const Operands<double>&,
                                     const Options&, const Output<const double>&, const double*,
                                     const Gradients<double>&, const Kept*);

}  // namespace tattn
