#include "polynomial/polynomial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/instruction_set.hpp"
#include "polynomial/gradient_rows.hpp"
#include "polynomial/grid_work.hpp"
#include "polynomial/output_rows.hpp"
#include "polynomial/slice_passes.hpp"
#include "tattn/error.hpp"

namespace tattn::polynomial {
namespace {

/// Slices in batches whose moments are held, and summed, together.
std::vector<RowRange> slice_batches(const Shape& shape, RowRange slices, std::int64_t features) {
  const std::int64_t most = plan::slices_at_once(shape, features);
  std::vector<RowRange> batches;
  for (std::int64_t begin = slices.begin; begin < slices.end; begin += most)
    batches.push_back({begin, std::min(begin + most, slices.end)});
  return batches;
}

/// Feature evaluations of this rank in so many passes over the queries and over the keys, for its progress.
template <class T>
double evaluations(const Operands<T>& operands, std::int64_t features, int query_passes, int key_passes) {
  std::int64_t rows = query_passes * operands.query.rows.size();
  for (const auto& key : operands.key) rows += key_passes * key.rows.size();
  return static_cast<double>(rows) * static_cast<double>(features);
}

/// dN = [dO, -dO.O] / N[:, dv], with N[:, dv] = exp(LSE).
template <class T>
std::vector<T> normalised_upstream(std::int64_t rows, std::int64_t value_dim, const Output<const T>& out,
                                   const T* upstream) {
  std::vector<T> result(static_cast<std::size_t>(rows * (value_dim + 1)));
  for (std::int64_t i = 0; i < rows; ++i) {
    T* to = result.data() + i * (value_dim + 1);
    const double share = std::exp(-static_cast<double>(out.lse[i]));
    double delta = 0;
    for (std::int64_t m = 0; m < value_dim; ++m) {
      const auto up = static_cast<double>(upstream[i * value_dim + m]);
      delta += up * static_cast<double>(out.output[i * value_dim + m]);
      to[m] = static_cast<T>(share * up);
    }
    to[value_dim] = static_cast<T>(-share * delta);
  }
  return result;
}

void prepare(const Communicator& comm, const Problem& problem, const plan::Grid& grid) {
  comm.agree([] { kernels::use_environment_instruction_set(); });
  if (problem.causal)
    throw Error(Status::usage, "the polynomial method does not do causal attention in this version: use exact");
  if (grid.ranks() != comm.size())
    throw Error(Status::usage, fmt::format("a grid of {} x {} x {} is not for {} ranks", grid.slices, grid.sequence,
                                           grid.features, comm.size()));
}

/// N of this rank's rows and features, told to `take` by rows of the block of queries worked on.
template <class T>
void sums_pass(const Problem& problem, const GridWork<T>& work, const Options& options, const TakeRows& take,
               Moments* keep) {
  Streaming streaming(work.down(), options, evaluations(work.operands(), work.tiles().features(), 1, 1));
  if (keep != nullptr) *keep = {};
  for (const RowRange slices : slice_batches(problem.shape, work.slices(), work.tiles().features())) {
    SliceBatch<T> batch(problem, work, options, slices, streaming);
    batch.compute_moments();
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice) {
      const LocalRows rows = local_rows(work.operands().query.rows, slice, problem.shape.rows);
      if (rows.rows == 0) continue;
      const FactorPanels<T> factor(work.tiles(), batch.columns(), batch.product(slice).data());
      OperandPass<T> pass = batch.query_pass(slice, nullptr);
      pass.value_columns = 0;
      const auto take_slice = [&](std::int64_t first, std::int64_t count, double* sums) {
        take(rows.first + first, count, sums);
      };
      rows_pass<T>(work.tiles(), pass, factor, options.threads, streaming.progress, take_slice, nullptr);
    }
    if (keep != nullptr && slices == work.slices()) *keep = batch.release_moments();
  }
}

}  // namespace

void weighted_sums(const Communicator& alone, const Problem& problem, const plan::Walk& walk,
                   const Operands<double>& operands, double* sums) {
  prepare(alone, problem, {});
  const GridWork<double> work(alone, problem.shape, walk, {}, operands);
  const std::int64_t columns = problem.shape.value_dim + 1;
  const auto take = [&](std::int64_t first, std::int64_t count, const double* from) {
    std::copy_n(from, count * columns, sums + first * columns);
  };
  sums_pass<double>(problem, work, Options{}, take, nullptr);
}

template <class T>
void forward(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const plan::Grid& grid,
             const Operands<T>& held, const Options& options, const Output<T>& out, Moments* keep) {
  prepare(comm, problem, grid);
  const GridWork<T> work(comm, problem.shape, walk, grid, held);
  OutputRows<T> output(comm, grid, problem.shape.value_dim, work.operands().query.rows, held.query.rows, out);
  const auto put = [&](std::int64_t first, std::int64_t count, double* sums) { output.put(first, count, sums); };
  sums_pass<T>(problem, work, options, put, keep);
  const bool positive = output.deliver();
  if (!comm.all(positive))
    throw NotPositive(
        fmt::format("the polynomial's normaliser is not positive in some row: {} features are too few for these "
                    "scores; use more features, a smaller scale, or the exact method",
                    walk.features()));
}

namespace {

/// Gradients of one operand, of the rows this rank works on.
template <class T>
TakeRows put_into(RowResult<T>& result, std::int64_t before, std::int64_t columns) {
  return [&result, before, columns](std::int64_t first, std::int64_t rows, const double* values) {
    result.put(before + first, rows, values, columns);
  };
}

}  // namespace

template <class T>
void gradient(const Communicator& comm, const Problem& problem, const plan::Walk& walk, const plan::Grid& grid,
              const Operands<T>& held, const Options& options, const Output<const T>& out, const T* upstream,
              const Gradients<T>& gradients, const Moments* kept) {
  prepare(comm, problem, grid);
  const Shape& shape = problem.shape;
  const GridWork<T> work(comm, shape, walk, grid, held);
  const bool known = kept != nullptr && !kept->empty();
  Streaming streaming(work.down(), options,
                      evaluations(work.operands(), work.tiles().features(), 2, known ? 1 : 2));
  const RowRange queries = work.operands().query.rows;
  const std::vector<T> up = normalised_upstream(held.query.rows.size(), shape.value_dim, out, upstream);
  const FetchedRows<T> adjoint(comm, {up.data(), held.query.rows}, queries, shape.value_dim + 1);
  GradientRows<T> results(comm, grid, shape, work.operands(), held, gradients);

  for (const RowRange slices : slice_batches(shape, work.slices(), work.tiles().features())) {
    SliceBatch<T> batch(problem, work, options, slices, streaming);
    if (known)
      batch.use_moments(*kept);
    else
      batch.compute_moments();
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice) {
      const LocalRows rows = local_rows(queries, slice, shape.rows);
      batch.query_gradient(slice, adjoint.data() + rows.first * (shape.value_dim + 1),
                           put_into(results.query, rows.first, shape.dim));
    }
    batch.finish_product_gradient();
    for (std::int64_t slice = slices.begin; slice < slices.end; ++slice)
      for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
        const std::int64_t first = local_rows(work.operands().key[u].rows, slice, shape.key_rows[u]).first;
        batch.key_gradient(slice, static_cast<int>(u), put_into(results.key[u], first, shape.dim),
                           put_into(results.value[u], first, shape.value_dim));
      }
  }
  results.deliver();
}

template void forward(const Communicator&, const Problem&, const plan::Walk&, const plan::Grid&,
                      const Operands<float>&, const Options&, const Output<float>&, Moments*);
template void forward(const Communicator&, const Problem&, const plan::Walk&, const plan::Grid&,
                      const Operands<double>&, const Options&, const Output<double>&, Moments*);
template void gradient(const Communicator&, const Problem&, const plan::Walk&, const plan::Grid&,
                       const Operands<float>&, const Options&, const Output<const float>&, const float*,
                       const Gradients<float>&, const Moments*);
template void gradient(const Communicator&, const Problem&, const plan::Walk&, const plan::Grid&,
                       const Operands<double>&, const Options&, const Output<const double>&, const double*,
                       const Gradients<double>&, const Moments*);

}  // namespace tattn::polynomial
