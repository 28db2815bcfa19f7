#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "cli/verify.hpp"
#include "cli/verify_causal_key.hpp"
#include "comm/sampled_rows.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {
namespace {

/// Blocks of one slice in double: this rank's even share of its rows.
template <class T>
class SliceRows {
 public:
  SliceRows(const Communicator& comm, const Subject<T>& subject, std::int64_t slice)
      : comm_(comm), subject_(subject), slice_(slice) {}

  [[nodiscard]] RowRange share(std::int64_t rows) const { return even_range(rows, comm_.size(), comm_.rank()); }

  [[nodiscard]] std::vector<double> query_side(const std::vector<T>& matrix, std::int64_t columns) const {
    return fetch({matrix.data(), subject_.operands.query_rows}, subject_.problem.shape.rows, columns);
  }
  [[nodiscard]] std::vector<double> key_side(const std::vector<T>& matrix, std::size_t u,
                                             std::int64_t columns) const {
    return fetch({matrix.data(), subject_.operands.key_rows[u]}, subject_.problem.shape.key_rows[u], columns);
  }

 private:
  [[nodiscard]] std::vector<double> fetch(Block<const T> mine, std::int64_t rows, std::int64_t columns) const {
    const RowRange local = share(rows);
    return fetch_double<T>(comm_, mine, {slice_ * rows + local.begin, slice_ * rows + local.end}, columns);
  }

  const Communicator& comm_;
  const Subject<T>& subject_;
  std::int64_t slice_;
};

/// Everything of one slice that the gradient of a key row depends on.
template <class T>
SliceInDouble slice_in_double(const Communicator& comm, const Subject<T>& subject, std::int64_t slice) {
  const Shape& shape = subject.problem.shape;
  const SliceRows<T> rows(comm, subject, slice);
  SliceInDouble result;
  result.problem = subject.problem;
  result.problem.shape.slices = 1;
  result.operands.query_rows = rows.share(shape.rows);
  result.operands.query = rows.query_side(subject.operands.query, shape.dim);
  result.operands.upstream = rows.query_side(subject.operands.upstream, shape.value_dim);
  result.output = rows.query_side(subject.results.output, shape.value_dim);
  result.lse = rows.query_side(subject.results.lse, 1);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    result.operands.key_rows[u] = rows.share(shape.key_rows[u]);
    result.operands.key[u] = rows.key_side(subject.operands.key[u], u, shape.dim);
    result.operands.value[u] = rows.key_side(subject.operands.value[u], u, shape.value_dim);
  }
  return result;
}

/// Gradients of the rows `key`, `value` (this rank's `share` of `count`) in the place of K_u, V_u: with
/// the LSE of all keys given, a row's gradient does not depend on the other rows of K_u and V_u.
KeyGradients restricted_gradients(const Communicator& comm, SliceInDouble slice, std::size_t u, std::int64_t count,
                                  const KeyGradients& rows, RowRange share, const Options& library) {
  slice.problem.shape.key_rows[u] = count;
  slice.operands.key_rows[u] = share;
  slice.operands.key[u] = rows.key;
  slice.operands.value[u] = rows.value;
  ResultRows<double> results(slice.operands, slice.problem.shape, true);
  gradient(comm.handle(), slice.problem, slice.operands.views(), library,
           Output<const double>{slice.output.data(), slice.lse.data()}, slice.operands.upstream.data(),
           results.gradient_views());
  return {results.key[u], results.value[u]};
}

/// Sampled rows of one K_u and V_u.
template <class T>
class KeySample {
 public:
  KeySample(const Communicator& comm, const Subject<T>& subject, std::size_t u, const Options& library)
      : comm_(comm), subject_(subject), u_(u), library_(library) {}

  void compare(const std::vector<std::int64_t>& sampled, Comparison& key, Comparison& value) const {
    std::map<std::int64_t, std::vector<std::int64_t>> by_slice;
    for (const std::int64_t row : sampled) by_slice[row / subject_.problem.shape.key_rows[u_]].push_back(row);
    for (const auto& [slice, rows] : by_slice) {
      const SliceInDouble data = slice_in_double(comm_, subject_, slice);
      if (!subject_.problem.causal) {
        compare_rows(data, rows, key, value);
        continue;
      }
      for (const std::int64_t row : rows) compare_rows(data, {row}, key, value);
    }
  }

 private:
  void compare_rows(const SliceInDouble& data, const std::vector<std::int64_t>& rows, Comparison& key,
                    Comparison& value) const {
    const Shape& shape = subject_.problem.shape;
    const auto count = static_cast<std::int64_t>(rows.size());
    const RowRange share = even_range(count, comm_.size(), comm_.rank());
    const auto take = [&](const std::vector<T>& matrix, RowRange part, std::int64_t columns) {
      return collect_rows<T>(comm_, {matrix.data(), subject_.operands.key_rows[u_]}, rows, part, columns);
    };
    const KeyGradients mine{take(subject_.operands.key[u_], share, shape.dim),
                            take(subject_.operands.value[u_], share, shape.value_dim)};
    const KeyGradients expected =
        subject_.problem.causal
            ? causal_key_gradients(comm_, data, u_, rows[0] % shape.key_rows[u_], mine, library_)
            : restricted_gradients(comm_, data, u_, count, mine, share, library_);
    const auto found_key = take(subject_.results.key[u_], share, shape.dim);
    const auto found_value = take(subject_.results.value[u_], share, shape.value_dim);
    for (std::int64_t k = 0; k < share.size(); ++k) {
      const std::int64_t row = rows[static_cast<std::size_t>(share.begin + k)];
      key.add(row, shape.dim, found_key.data() + k * shape.dim, expected.key.data() + k * shape.dim);
      value.add(row, shape.value_dim, found_value.data() + k * shape.value_dim,
                expected.value.data() + k * shape.value_dim);
    }
  }

  const Communicator& comm_;
  const Subject<T>& subject_;
  std::size_t u_;
  const Options& library_;
};

}  // namespace

template <class T>
std::vector<Check> verify_keys(const Communicator& comm, const Subject<T>& subject, const Magnitudes& sizes,
                               const VerifyOptions& options, const Options& library) {
  const Shape& shape = subject.problem.shape;
  const double rounding = std::numeric_limits<T>::epsilon() * (1 + sizes.lse);  // of a weight
  std::vector<Check> checks;
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    // The softmax weights of a key row sum up to n / n_u over the queries, on average.
    const double weight = rounding * static_cast<double>(shape.rows) / static_cast<double>(shape.key_rows[u]);
    double key_size = weight * std::abs(subject.problem.scale) * sizes.query * sizes.overlap;
    double value_size = weight * sizes.upstream;
    for (std::size_t v = 0; v < static_cast<std::size_t>(shape.order); ++v) {
      if (v == u) continue;
      key_size *= sizes.key[v];
      value_size *= sizes.value[v];
    }
    Comparison key(fmt::format("dK{}", u + 1), key_size), value(fmt::format("dV{}", u + 1), value_size);
    const std::int64_t total = shape.total_key_rows(static_cast<int>(u));
    const auto rows = pick(total, options.samples, options.seed, fmt::format("K{}", u + 1));
    KeySample<T>(comm, subject, u, library).compare(rows, key, value);
    checks.push_back(key.finish(comm, options.common.tolerance));
    checks.push_back(value.finish(comm, options.common.tolerance));
  }
  return checks;
}

template std::vector<Check> verify_keys(const Communicator&, const Subject<float>&, const Magnitudes&,
                                        const VerifyOptions&, const Options&);
template std::vector<Check> verify_keys(const Communicator&, const Subject<double>&, const Magnitudes&,
                                        const VerifyOptions&, const Options&);

}  // namespace tattn::cli
