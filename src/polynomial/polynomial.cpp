#include "polynomial/polynomial.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>

#include "comm/row_exchange.hpp"
#include "kernels/instruction_set.hpp"
#include "polynomial/slice_passes.hpp"
#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

constexpr std::int64_t kMomentBytes = std::int64_t{64} << 20;  // moments of the slices that go together

/// Slices in groups whose moments fit in kMomentBytes.
std::vector<RowRange> slice_groups(const Shape& shape, std::int64_t features) {
  const std::int64_t bytes =
      features * (shape.value_dim + 1) * shape.order * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t most = std::max<std::int64_t>(1, kMomentBytes / bytes);
  std::vector<RowRange> groups;
  for (std::int64_t begin = 0; begin < shape.slices; begin += most)
    groups.push_back({begin, std::min(begin + most, shape.slices)});
  return groups;
}

/// Feature evaluations of this rank in so many passes over the queries and over the keys, for its progress.
template <class T>
double evaluations(const Operands<T>& operands, std::int64_t features, int query_passes, int key_passes) {
  std::int64_t rows = query_passes * operands.query.rows.size();
  for (const auto& key : operands.key) rows += key_passes * key.rows.size();
  return static_cast<double>(rows) * static_cast<double>(features);
}

/// O and LSE of `rows` rows out of N. False if a normaliser is not positive.
template <class T>
bool finish(const double* sums, std::int64_t rows, std::int64_t value_dim, T* output, T* lse) {
  bool positive = true;
  for (std::int64_t i = 0; i < rows; ++i) {
    const double* row = sums + i * (value_dim + 1);
    positive = positive && row[value_dim] > 0;
    const double share = 1 / row[value_dim];
    for (std::int64_t m = 0; m < value_dim; ++m) output[i * value_dim + m] = static_cast<T>(share * row[m]);
    lse[i] = static_cast<T>(std::log(row[value_dim]));
  }
  return positive;
}

/// dN = [dO, -dO.O] / N[:, dv], with N[:, dv] = exp(LSE).
template <class T>
std::vector<T> normalised_upstream(std::int64_t rows, std::int64_t value_dim, const T* output, const T* lse,
                                   const T* upstream) {
  std::vector<T> result(static_cast<std::size_t>(rows * (value_dim + 1)));
  for (std::int64_t i = 0; i < rows; ++i) {
    T* to = result.data() + i * (value_dim + 1);
    const double share = std::exp(-static_cast<double>(lse[i]));
    double delta = 0;
    for (std::int64_t m = 0; m < value_dim; ++m) {
      const auto up = static_cast<double>(upstream[i * value_dim + m]);
      delta += up * static_cast<double>(output[i * value_dim + m]);
      to[m] = static_cast<T>(share * up);
    }
    to[value_dim] = static_cast<T>(-share * delta);
  }
  return result;
}

/// The operands with each V_u cut like its K_u: a row's value must be where its features are made.
template <class T>
class AlignedOperands {
 public:
  AlignedOperands(const Communicator& comm, const Shape& shape, const Operands<T>& operands) : views_(operands) {
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      rows_.emplace_back(comm, operands.value[u], operands.key[u].rows, shape.value_dim);
      views_.value[u] = {rows_.back().data(), operands.key[u].rows};
    }
  }
  [[nodiscard]] const Operands<T>& views() const { return views_; }

 private:
  Operands<T> views_;
  std::vector<FetchedRows<T>> rows_;
};

void prepare(const Communicator& comm, const Problem& problem) {
  comm.agree([] { kernels::use_environment_instruction_set(); });
  if (problem.causal)
    throw Error(Status::usage, "the polynomial method does not do causal attention in this version: use exact");
}

}  // namespace

template <class T>
void forward(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const Operands<T>& given,
             const Options& options, const Output<T>& out, Moments* keep) {
  prepare(comm, problem);
  const AlignedOperands<T> aligned(comm, problem.shape, given);
  const Operands<T>& operands = aligned.views();
  const WalkTiles tiles(walk);
  const Shape& shape = problem.shape;
  Progress progress(options.progress, evaluations(operands, tiles.features(), 1, 1));
  std::atomic<bool> positive = true;
  if (keep != nullptr) *keep = {};
  for (const RowRange slices : slice_groups(shape, tiles.features())) {
    SliceGroup<T> group(comm, problem, tiles, operands, options, slices, progress);
    group.compute_moments();
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice) {
      const LocalRows rows = local_rows(operands.query.rows, slice, shape.rows);
      if (rows.rows == 0) continue;
      const FactorPanels<T> factor(tiles, group.columns(), group.product(slice).data());
      OperandPass<T> pass = group.query_pass(slice, nullptr);
      pass.value_columns = 0;
      const auto take_sums = [&](std::int64_t first, std::int64_t count, const double* sums) {
        const std::int64_t row = rows.first + first;
        if (!finish(sums, count, shape.value_dim, out.output + row * shape.value_dim, out.lse + row))
          positive = false;
      };
      rows_pass<T>(tiles, pass, factor, options.threads, progress, take_sums, nullptr);
    }
    if (keep != nullptr && slices.size() == shape.slices) *keep = group.release_moments();
  }
  if (!comm.all(positive))
    throw Error(
        Status::failed,
        "the polynomial's normaliser is not positive in some row: " + std::to_string(walk.features()) +
            " features are too few for these scores; use more features, a smaller scale, or the exact method");
}

/// dQ of this rank's rows of one slice, and what they add to dG.
template <class T>
void query_gradient(const SliceGroup<T>& group, const Shape& shape, const WalkTiles& tiles, std::int64_t slice,
                    const OperandPass<T>& pass, int threads, Progress& progress, double* product_gradient,
                    T* query) {
  moments_pass(tiles, pass, threads, progress, product_gradient);
  const FactorPanels<T> factor(tiles, shape.value_dim + 1, group.product(slice).data());
  rows_pass<T>(tiles, pass, factor, threads, progress, nullptr, query);
}

/// dK_u and dV_u of this rank's rows of one slice.
template <class T>
void key_gradient(const SliceGroup<T>& group, const Shape& shape, const WalkTiles& tiles, std::int64_t slice, int u,
                  int threads, Progress& progress, const double* product_gradient, T* key, T* value) {
  const OperandPass<T> pass = group.key_pass(slice, u);
  const FactorPanels<T> factor(tiles, pass.columns, group.moment_gradient(slice, u, product_gradient).data());
  const auto take_sums = [&](std::int64_t first, std::int64_t rows, const double* sums) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t m = 0; m < shape.value_dim; ++m)
        value[(first + i) * shape.value_dim + m] = static_cast<T>(sums[i * shape.value_dim + m]);
  };
  rows_pass<T>(tiles, pass, factor, threads, progress, take_sums, key);
}

template <class T>
void gradient(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const Operands<T>& given,
              const Options& options, const Output<const T>& out, const T* upstream, const Gradients<T>& gradients,
              const Moments* kept) {
  prepare(comm, problem);
  const Shape& shape = problem.shape;
  const AlignedOperands<T> aligned(comm, shape, given);
  const Operands<T>& operands = aligned.views();
  const WalkTiles tiles(walk);
  const bool known = kept != nullptr && !kept->empty();
  Progress progress(options.progress, evaluations(operands, tiles.features(), 2, known ? 1 : 2));
  std::array<std::vector<T>, kMaxOrder> values;  // dV_u, cut like K_u
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u)
    values[u].resize(static_cast<std::size_t>(operands.key[u].rows.size() * shape.value_dim));

  for (const RowRange slices : slice_groups(shape, tiles.features())) {
    SliceGroup<T> group(comm, problem, tiles, operands, options, slices, progress);
    if (known)
      group.use_moments(*kept);
    else
      group.compute_moments();
    std::vector<double> product_gradient(static_cast<std::size_t>(slices.size() * group.matrix_size()), 0.0);
    const auto of = [&](std::int64_t slice) {
      return product_gradient.data() + (slice - slices.begin) * group.matrix_size();
    };
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice) {
      const LocalRows rows = local_rows(operands.query.rows, slice, shape.rows);
      const std::int64_t first = rows.first * shape.value_dim;
      const std::vector<T> up = normalised_upstream(rows.rows, shape.value_dim, out.output + first,
                                                    out.lse + rows.first, upstream + first);
      query_gradient(group, shape, tiles, slice, group.query_pass(slice, up.data()), options.threads, progress,
                     of(slice), gradients.query + rows.first * shape.dim);
    }
    comm.sum(product_gradient.data(), static_cast<std::int64_t>(product_gradient.size()));
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice)
      for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
        const LocalRows rows = local_rows(operands.key[u].rows, slice, shape.key_rows[u]);
        key_gradient(group, shape, tiles, slice, static_cast<int>(u), options.threads, progress, of(slice),
                     gradients.key[u] + rows.first * shape.dim, values[u].data() + rows.first * shape.value_dim);
      }
  }
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    const RowRange wanted = given.value[u].rows;
    const FetchedRows<T> rows(comm, {values[u].data(), operands.key[u].rows}, wanted, shape.value_dim);
    std::copy_n(rows.data(), wanted.size() * shape.value_dim, gradients.value[u]);
  }
}

template void forward(const Communicator&, const Problem&, const plan::Walk&, const Operands<float>&,
                      const Options&, const Output<float>&, Moments*);
template void forward(const Communicator&, const Problem&, const plan::Walk&, const Operands<double>&,
                      const Options&, const Output<double>&, Moments*);
template void gradient(const Communicator&, const Problem&, const plan::Walk&, const Operands<float>&,
                       const Options&, const Output<const float>&, const float*, const Gradients<float>&,
                       const Moments*);
template void gradient(const Communicator&, const Problem&, const plan::Walk&, const Operands<double>&,
                       const Options&, const Output<const double>&, const double*, const Gradients<double>&,
                       const Moments*);

}  // namespace tattn::polynomial
