#include "exact/full_gradient.hpp"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <numbers>

#include "blas_threads.hpp"
#include "comm/sampled_rows.hpp"
#include "comm/sum_on_one.hpp"
#include "kernels/softmax_errors.hpp"

namespace tattn::exact {
namespace {

constexpr std::int64_t kQueries = 32;  // of a block: its scores stay in cache
constexpr std::int64_t kKeys = 192;
constexpr std::int64_t kStride = kKeys + kernels::kErrorsPadding;

/// c = alpha op(a) b + beta c, row-major.
void multiply(CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, std::int64_t m, std::int64_t n, std::int64_t k,
              const double* a, std::int64_t lda, const double* b, std::int64_t ldb, double beta, double* c,
              std::int64_t ldc, double alpha = 1) {
  cblas_dgemm(CblasRowMajor, op_a, op_b, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), alpha, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), beta, c, static_cast<int>(ldc));
}

/// Rows of one matrix and the columns it has, in double.
struct Rows {
  std::vector<double> entries;
  std::int64_t columns = 0;
  [[nodiscard]] const double* row(std::int64_t i) const { return entries.data() + i * columns; }
};

/// What a rank needs: its rows of the query side, all rows of the keys.
struct Inputs {
  Rows query, upstream, query_model;
  std::array<Rows, 2> key, value, model;
  std::vector<double> lse, delta;
};

template <class T>
Inputs fetch(const FullGradientCall<T>& call) {
  const Shape& shape = call.problem.shape;
  const RowRange mine = call.operands.query.rows;
  const auto rows = [&](const Block<const T>& held, RowRange wanted, std::int64_t columns) {
    return Rows{fetch_double(call.comm, held, wanted, columns), columns};
  };
  Inputs in;
  in.query = rows(call.operands.query, mine, shape.dim);
  in.upstream = rows({call.upstream, mine}, mine, shape.value_dim);
  in.query_model = rows(call.model.query, mine, call.model_dim);
  in.lse = fetch_double<T>(call.comm, {call.out.lse, mine}, mine, 1);
  in.delta = call.deltas();
  for (std::size_t u = 0; u < 2; ++u) {
    const RowRange all{0, shape.key_rows[u]};
    in.key[u] = rows(call.operands.key[u], all, shape.dim);
    in.value[u] = rows(call.operands.value[u], all, shape.value_dim);
    in.model[u] = rows(call.model.key[u], all, call.model_dim);
  }
  // Scores in units of log 2, as the kernel wants them.
  for (double& x : in.query.entries) x *= call.problem.scale * std::numbers::log2e;
  for (double& x : in.lse) x *= std::numbers::log2e;
  return in;
}

/// to[i] = rows[i] * factor, entry by entry.
void times_row(const Rows& rows, RowRange some, const double* factor, double* to) {
  for (std::int64_t i = some.begin; i < some.end; ++i)
    for (std::int64_t l = 0; l < rows.columns; ++l) *to++ = rows.row(i)[l] * factor[l];
}

/// One thread's blocks and its part of dX.
class Worker {
 public:
  Worker(const Inputs& in, const Problem& problem, std::int64_t first_row, std::int64_t model_dim)
      : in_(in),
        problem_(problem),
        first_row_(first_row),
        a_(model_dim),
        query_(room(kQueries * problem.shape.dim)),
        upstream_(room(kQueries * problem.shape.value_dim)),
        scores_(room(kQueries * kStride)),
        errors_(scores_),
        product_(room(kQueries * a_)),
        outer_(room(kQueries * a_ * a_)),
        sums_(room(a_ * a_ * a_)) {}

  /// Adds rows `block` of this rank.
  void add(RowRange block) {
    std::fill(outer_.begin(), outer_.end(), 0.0);
    const std::int64_t last = first_row_ + block.end - 1;  // causal: no row sees a later key
    const auto seen = [&](std::size_t u) {
      const std::int64_t rows = problem_.shape.key_rows[u];
      return problem_.causal ? std::min(rows, last + 1) : rows;
    };
    for (std::int64_t j = 0; j < seen(0); ++j) {
      times_row(in_.query, block, in_.key[0].row(j), query_.data());
      times_row(in_.upstream, block, in_.value[0].row(j), upstream_.data());
      for (std::int64_t k = 0; k < seen(1); k += kKeys) add_keys(block, j, {k, std::min(k + kKeys, seen(1))});
      spread(block, j);
    }
    multiply(CblasTrans, CblasNoTrans, a_, a_ * a_, block.size(), in_.query_model.row(block.begin), a_,
             outer_.data(), a_ * a_, 1, sums_.data(), a_ * a_, problem_.scale);
  }

  [[nodiscard]] const std::vector<double>& sums() const { return sums_; }

 private:
  static std::vector<double> room(std::int64_t entries) {
    return std::vector<double>(static_cast<std::size_t>(entries), 0.0);
  }

  /// product = sum over the keys of ds A3, which for the first keys begins anew.
  void add_keys(RowRange block, std::int64_t j, RowRange keys) {
    const Shape& shape = problem_.shape;
    const std::int64_t rows = block.size(), count = keys.size();
    multiply(CblasNoTrans, CblasTrans, rows, count, shape.dim, query_.data(), shape.dim, in_.key[1].row(keys.begin),
             shape.dim, 0, scores_.data(), kStride);
    multiply(CblasNoTrans, CblasTrans, rows, count, shape.value_dim, upstream_.data(), shape.value_dim,
             in_.value[1].row(keys.begin), shape.value_dim, 0, errors_.data(), kStride);
    for (std::int64_t i = 0; i < rows; ++i) {
      double* errors = errors_.data() + i * kStride;
      const auto at = static_cast<std::size_t>(block.begin + i);
      kernels::softmax_errors(count, scores_.data() + i * kStride, in_.lse[at], in_.delta[at], errors);
      if (!problem_.causal) continue;
      const std::int64_t row = first_row_ + block.begin + i;
      const std::int64_t hidden = j > row ? keys.begin : std::max(keys.begin, row + 1);
      for (std::int64_t k = hidden; k < keys.end; ++k) errors[k - keys.begin] = 0;
    }
    multiply(CblasNoTrans, CblasNoTrans, rows, a_, count, errors_.data(), kStride, in_.model[1].row(keys.begin), a_,
             keys.begin == 0 ? 0 : 1, product_.data(), a_);
  }

  /// outer[i, b] += A2[j,b] product[i]
  void spread(RowRange block, std::int64_t j) {
    const double* model = in_.model[0].row(j);
    double* to = outer_.data();
    for (std::int64_t i = 0; i < block.size(); ++i)
      for (std::int64_t b = 0; b < a_; ++b, to += a_)
        for (std::int64_t c = 0; c < a_; ++c) to[c] += model[b] * product_[static_cast<std::size_t>(i * a_ + c)];
  }

  const Inputs& in_;
  const Problem& problem_;
  std::int64_t first_row_, a_;
  std::vector<double> query_, upstream_, scores_, errors_, product_, outer_, sums_;
};

}  // namespace

template <class T>
std::vector<double> full_gradient(const FullGradientCall<T>& call) {
  const Inputs in = fetch(call);
  const int threads = call.options.threads;
  std::vector<Worker> workers;
  std::vector<double> sums;
  call.comm.agree([&] {
    for (int t = 0; t < threads; ++t)
      workers.emplace_back(in, call.problem, call.operands.query.rows.begin, call.model_dim);
    sums.assign(static_cast<std::size_t>(call.entries()), 0.0);
  });
  const std::int64_t rows = call.my_rows(), blocks = (rows + kQueries - 1) / kQueries;
  const BlasThreads one(1);  // the threads are ours
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (std::int64_t b = 0; b < blocks; ++b) {
    workers[static_cast<std::size_t>(omp_get_thread_num())].add({b * kQueries, std::min((b + 1) * kQueries, rows)});
    if (call.options.progress && omp_get_thread_num() == 0)
      call.options.progress(static_cast<double>(b + 1) / static_cast<double>(blocks));
  }
  for (const Worker& worker : workers)
    for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += worker.sums()[x];
  sum_on_one(call.comm, sums.data(), call.entries());
  return sums;
}

template std::vector<double> full_gradient(const FullGradientCall<float>&);
template std::vector<double> full_gradient(const FullGradientCall<double>&);

}  // namespace tattn::exact
