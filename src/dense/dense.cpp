#include "dense/dense.hpp"

#include "blas_threads.hpp"
#include "comm/row_exchange.hpp"
#include "comm/sampled_rows.hpp"
#include "comm/sum_on_one.hpp"
#include "dense/slice_work.hpp"
#include "dense/softmax.hpp"

namespace tattn::dense {
namespace {

/// Steps of the run, told to the caller.
class Steps {
 public:
  Steps(const Options& options, std::int64_t total) : options_(options), total_(static_cast<double>(total)) {}
  void done() {
    done_ += 1;
    if (options_.progress) options_.progress(done_ / total_);
  }

 private:
  const Options& options_;
  double total_, done_ = 0;
};

/// Rows a panel holds, to where the caller wants them.
template <class T>
void deliver_panel(const Communicator& comm, const Matrix& panel, RowRange held, Block<T> mine) {
  sum_rows(comm, panel.get_rows().data(), held, mine, panel.columns());
}

/// delta[i] = dO[i].O[i] of all rows of the slice, from the panels.
std::vector<double> all_deltas(const Communicator& comm, const std::vector<double>& upstream,
                               const std::vector<double>& output, RowRange panel, RowRange slice,
                               std::int64_t columns) {
  std::vector<double> delta(static_cast<std::size_t>(panel.size()), 0.0);
  for (std::size_t x = 0; x < upstream.size(); ++x)
    delta[x / static_cast<std::size_t>(columns)] += upstream[x] * output[x];
  return fetch_rows<double>(comm, {delta.data(), panel}, slice, 1);
}

/// P in work.weights, dO in `up` and dS in `d_weights`, of one slice. Two steps.
template <class T>
void load_errors(const Communicator& comm, SliceWork<T>& work, std::int64_t slice, const Output<const T>& out,
                 const Block<const T>& upstream, Matrix& up, Matrix& d_weights, Steps& steps) {
  const RowRange owned = upstream.rows;
  const std::int64_t value_dim = up.columns();
  work.load_scores(slice);
  const RowRange rows = work.query_rows(), panel = work.panel();
  weights_of_scores(fetch_double<T>(comm, {out.lse, owned}, rows, 1), work.weights);
  steps.done();

  work.load_values();
  const auto up_rows = fetch_double<T>(comm, upstream, panel, value_dim);
  const auto output_rows = fetch_double<T>(comm, {out.output, owned}, panel, value_dim);
  up.set_rows(up_rows);
  multiply(Op::as_is, up, Op::transposed, work.values, d_weights);
  softmax_derivative(work.weights, all_deltas(comm, up_rows, output_rows, panel, rows, value_dim), d_weights);
  steps.done();
}

/// Blocks for the gradients of every K_u or V_u.
template <class T>
std::array<Block<T>, kMaxOrder> gradient_blocks(const std::array<T*, kMaxOrder>& data,
                                                const std::array<Block<const T>, kMaxOrder>& like) {
  std::array<Block<T>, kMaxOrder> blocks;
  for (std::size_t u = 0; u < blocks.size(); ++u) blocks[u] = {data[u], like[u].rows};
  return blocks;
}

}  // namespace

template <class T>
void forward(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out) {
  const std::int64_t value_dim = problem.shape.value_dim;
  const BlasThreads threads(options.threads);
  SliceWork<T> work(comm, problem, operands);
  Matrix output = work.panels(value_dim);
  Steps steps(options, 2 * problem.shape.slices);
  const Block<T> output_rows{out.output, operands.query.rows}, lse_rows{out.lse, operands.query.rows};

  for (std::int64_t slice = 0; slice < problem.shape.slices; ++slice) {
    work.load_scores(slice);
    work.deliver_rows(softmax_rows(work.grid(), work.weights), lse_rows);
    steps.done();
    work.load_values();
    multiply(Op::as_is, work.weights, Op::as_is, work.values, output);
    deliver_panel(comm, output, work.panel(), within(output_rows, work.query_rows(), value_dim));
    steps.done();
  }
}

template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients) {
  const std::int64_t dim = problem.shape.dim, value_dim = problem.shape.value_dim;
  const BlasThreads threads(options.threads);
  SliceWork<T> work(comm, problem, operands);
  Matrix up = work.panels(value_dim), d_query = work.panels(dim), d_weights = work.all_weights();
  Matrix d_keys = work.products(dim), d_values = work.products(value_dim);
  Steps steps(options, 4 * problem.shape.slices);
  const RowRange owned = operands.query.rows;
  const auto key_blocks = gradient_blocks(gradients.key, operands.key);
  const auto value_blocks = gradient_blocks(gradients.value, operands.value);

  for (std::int64_t slice = 0; slice < problem.shape.slices; ++slice) {
    load_errors(comm, work, slice, out, Block<const T>{upstream, owned}, up, d_weights, steps);
    const RowRange rows = work.query_rows(), panel = work.panel();
    multiply(Op::transposed, work.weights, Op::as_is, up, d_values);
    steps.done();

    multiply(Op::as_is, d_weights, Op::as_is, work.keys, d_query);
    multiply(Op::transposed, d_weights, Op::as_is, work.query, d_keys);  // the scale is in the query
    d_query.scale(problem.scale);
    deliver_panel(comm, d_query, panel, within(Block<T>{gradients.query, owned}, rows, dim));
    work.deliver_factors(work.key_factors(), d_keys, key_blocks);
    work.deliver_factors(work.value_factors(), d_values, value_blocks);
    steps.done();
  }
}

template <class T>
std::vector<double> full_gradient(const FullGradientCall<T>& call) {
  const Shape& shape = call.problem.shape;
  const std::int64_t a = call.model_dim;
  const BlasThreads threads(call.options.threads);
  SliceWork<T> work(call.comm, call.problem, call.operands);
  Matrix up = work.panels(shape.value_dim), d_weights = work.all_weights();
  Matrix kronecker = work.products(a), product = work.panels(a);
  Steps steps(call.options, 2 + a);
  load_errors(call.comm, work, 0, call.out, Block<const T>{call.upstream, call.operands.query.rows}, up, d_weights,
              steps);
  const RowRange panel = work.panel();
  const auto query_model = fetch_double(call.comm, call.model.query, panel, a);
  const auto first = fetch_double(call.comm, call.model.key[0], work.key_rows(0), a);
  Factors factors{std::vector<double>(first.size()),
                  fetch_double(call.comm, call.model.key[1], work.key_rows(1), a), shape.key_rows[1], a};
  std::vector<double> sums(static_cast<std::size_t>(call.entries()), 0.0);
  for (std::int64_t b = 0; b < a; ++b) {
    for (std::size_t x = 0; x < first.size(); ++x)
      factors.first[x] = first[x - x % static_cast<std::size_t>(a) + static_cast<std::size_t>(b)];
    fill_kronecker(factors, kronecker);
    multiply(Op::as_is, d_weights, Op::as_is, kronecker, product);
    const std::vector<double> rows = product.get_rows();
    for (std::int64_t i = 0; i < panel.size(); ++i)
      for (std::int64_t q = 0; q < a; ++q)
        for (std::int64_t c = 0; c < a; ++c)
          sums[static_cast<std::size_t>((q * a + b) * a + c)] += call.problem.scale *
                                                                 query_model[static_cast<std::size_t>(i * a + q)] *
                                                                 rows[static_cast<std::size_t>(i * a + c)];
    steps.done();
  }
  sum_on_one(call.comm, sums.data(), call.entries());
  return sums;
}

template std::vector<double> full_gradient(const FullGradientCall<float>&);
template std::vector<double> full_gradient(const FullGradientCall<double>&);
template void forward(const Communicator&, const Problem&, const Operands<float>&, const Options&,
                      const Output<float>&);
template void forward(const Communicator&, const Problem&, const Operands<double>&, const Options&,
                      const Output<double>&);
template void gradient(const Communicator&, const Problem&, const Operands<float>&, const Options&,
                       const Output<const float>&, const float*, const Gradients<float>&);
template void gradient(const Communicator&, const Problem&, const Operands<double>&, const Options&,
                       const Output<const double>&, const double*, const Gradients<double>&);

}  // namespace tattn::dense
