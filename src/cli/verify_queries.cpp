#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "cli/verify.hpp"
#include "comm/sampled_rows.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {
namespace {

/// Query rows of one slice that see the same keys: rows 0 .. key_rows[u]-1 of each K_u and V_u.
struct Group {
  std::int64_t slice = 0;
  std::vector<std::int64_t> rows;  ///< flattened
  std::array<std::int64_t, kMaxOrder> key_rows{};
};

/// Causal rows see different keys, so each is a group of its own; otherwise a slice is one.
std::vector<Group> group(const Problem& problem, const std::vector<std::int64_t>& rows) {
  std::map<std::int64_t, Group> groups;
  for (const std::int64_t row : rows) {
    const std::int64_t slice = row / problem.shape.rows;
    Group& g = groups[problem.causal ? row : slice];
    g.slice = slice;
    g.rows.push_back(row);
    g.key_rows = problem.shape.key_rows;
    if (problem.causal) g.key_rows.fill(row % problem.shape.rows + 1);
  }
  std::vector<Group> result;
  for (auto& [key, g] : groups) result.push_back(std::move(g));
  return result;
}

/// The exact method in double on one group, and the comparison of what it gives with the results.
template <class T>
class Recomputation {
 public:
  Recomputation(const Communicator& comm, const Subject<T>& subject, const Options& library, const Group& group)
      : comm_(comm), subject_(subject), library_(library), group_(group) {
    const Shape& whole = subject.problem.shape;
    const auto count = static_cast<std::int64_t>(group.rows.size());
    share_ = even_range(count, comm.size(), comm.rank());
    problem_ = {{whole.order, 1, count, group.key_rows, whole.dim, whole.value_dim}, subject.problem.scale, false};
    operands_.query_rows = share_;
    operands_.query = rows_of(subject.operands.query, whole.dim);
    for (std::size_t u = 0; u < static_cast<std::size_t>(whole.order); ++u) fetch_keys(u);
  }

  void compare_forward(Comparison& output, Comparison& lse) {
    results_.emplace(operands_, problem_.shape, subject_.gradients);
    forward(comm_.handle(), problem_, operands_.views(), library_, results_->output_views());
    compare(output, subject_.results.output, results_->output, problem_.shape.value_dim);
    compare(lse, subject_.results.lse, results_->lse, 1);
  }

  /// After compare_forward.
  void compare_gradient(Comparison& query) {
    const auto upstream = rows_of(subject_.operands.upstream, problem_.shape.value_dim);
    gradient(comm_.handle(), problem_, operands_.views(), library_, std::as_const(*results_).output_views(),
             upstream.data(), results_->gradient_views());
    compare(query, subject_.results.query, results_->query, problem_.shape.dim);
  }

 private:
  [[nodiscard]] std::vector<double> rows_of(const std::vector<T>& matrix, std::int64_t columns) const {
    const Block<const T> mine{matrix.data(), subject_.operands.query_rows};
    return collect_rows(comm_, mine, group_.rows, share_, columns);
  }

  void fetch_keys(std::size_t u) {
    const Shape& whole = subject_.problem.shape;
    const RowRange local = even_range(group_.key_rows[u], comm_.size(), comm_.rank());
    const std::int64_t first = group_.slice * whole.key_rows[u];
    const RowRange wanted{first + local.begin, first + local.end}, owned = subject_.operands.key_rows[u];
    operands_.key_rows[u] = local;
    operands_.key[u] = fetch_double<T>(comm_, {subject_.operands.key[u].data(), owned}, wanted, whole.dim);
    operands_.value[u] =
        fetch_double<T>(comm_, {subject_.operands.value[u].data(), owned}, wanted, whole.value_dim);
  }

  void compare(Comparison& comparison, const std::vector<T>& found, const std::vector<double>& expected,
               std::int64_t columns) const {
    const std::vector<double> rows = rows_of(found, columns);
    for (std::int64_t k = 0; k < share_.size(); ++k)
      comparison.add(group_.rows[static_cast<std::size_t>(share_.begin + k)], columns, rows.data() + k * columns,
                     expected.data() + k * columns);
  }

  const Communicator& comm_;
  const Subject<T>& subject_;
  const Options& library_;
  const Group& group_;
  RowRange share_;
  Problem problem_;
  io::OperandRows<double> operands_;
  std::optional<ResultRows<double>> results_;
};

}  // namespace

template <class T>
std::vector<Check> verify_queries(const Communicator& comm, const Subject<T>& subject, const Magnitudes& sizes,
                                  const VerifyOptions& options, const Options& library) {
  const Shape& shape = subject.problem.shape;
  constexpr double eps = std::numeric_limits<T>::epsilon();
  double keys = eps, values = eps;
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    keys *= sizes.key[u];
    values *= sizes.value[u];
  }
  Comparison output("O", values), lse("LSE", options.common.tolerance);  // absolute below 1, as exp(LSE) counts
  Comparison query("dQ", keys * std::abs(subject.problem.scale) * sizes.overlap);
  for (const Group& g : group(subject.problem, pick(shape.total_rows(), options.samples, options.seed, "Q"))) {
    Recomputation<T> again(comm, subject, library, g);
    again.compare_forward(output, lse);
    if (subject.gradients) again.compare_gradient(query);
  }
  const double tolerance = options.common.tolerance;
  std::vector<Check> checks = {output.finish(comm, tolerance), lse.finish(comm, tolerance)};
  if (subject.gradients) checks.push_back(query.finish(comm, tolerance));
  return checks;
}

template std::vector<Check> verify_queries(const Communicator&, const Subject<float>&, const Magnitudes&,
                                           const VerifyOptions&, const Options&);
template std::vector<Check> verify_queries(const Communicator&, const Subject<double>&, const Magnitudes&,
                                           const VerifyOptions&, const Options&);

}  // namespace tattn::cli
