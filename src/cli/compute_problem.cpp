// forward and gradient of a problem file: loss, O, LSE, the gradients of the weights and of the whole X.
#include <algorithm>
#include <optional>

#include "cli/run.hpp"
#include "io/problem_file.hpp"
#include "plan/full_gradient_memory.hpp"
#include "training/full_gradient.hpp"
#include "training/loss.hpp"

namespace tattn::cli {
namespace {

/// Bytes of the rows of every A that a rank holds at most.
std::int64_t model_bytes(const io::FileInfo& info, int ranks, std::int64_t entry) {
  const Shape& shape = info.problem.shape;
  std::int64_t rows = shape.rows;
  for (const std::int64_t n : shape.key_rows) rows += 2 * n;
  return (rows / ranks + 2 * shape.order + 1) * info.model_dim * entry;
}

/// What a rank needs beside the operands and the results.
std::int64_t other_bytes(const Run& run, std::int64_t entry) {
  std::int64_t bytes = model_bytes(run.info, run.comm.size(), entry);
  if (run.options.full_gradient)
    bytes += plan::full_gradient_memory_bytes(run.info.problem, run.library.method, run.info.model_dim,
                                              run.comm.size(), run.library.threads);
  return bytes;
}

template <class T>
class ProblemRun {
 public:
  ProblemRun(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info, io::Needs wanted)
      : run_(comm, options, info, wanted) {}

  Report all() {
    io::ResultFile file(run_.comm, run_.options.output, run_.options.common.force);
    const io::ProblemData<T> data = read_problem<T>(run_);
    training::Loss<T> loss(run_.comm, io::training_problem(run_.info), data.rows);
    loss.set_weights(data.weights.data(), run_.library.threads);
    run_.report.seconds.plan = timed([&] { run_.make_plan(loss.operands()); });
    run_.calculate([&] { calculate(loss); });
    run_.report.seconds.write = timed([&] {
      write(file, loss);
      run_.publish(file);
    });
    return run_.conclude();
  }

 private:
  void calculate(training::Loss<T>& loss) {
    run_.forward_phase(loss.operands(), [&] { run_.report.loss = loss.forward(run_.plan, run_.library); });
    if (!run_.gradients()) return;
    run_.report.seconds.gradient =
        run_.phase("gradient", [&] { weights_ = loss.gradient(run_.plan, run_.library); });
    if (!run_.options.full_gradient) return;
    run_.report.seconds.full_gradient = run_.phase(
        "full gradient", [&] { full_ = training::full_gradient(run_.comm, loss, run_.plan, run_.library); });
    *run_.report.seconds.gradient += *run_.report.seconds.full_gradient;
  }

  void write(io::ResultFile& file, const training::Loss<T>& loss) {
    const io::FileInfo& info = run_.info;
    const Shape& shape = info.problem.shape;
    const RowRange rows = loss.rows().query_rows;
    file.dataset("O", {}, shape.rows, shape.value_dim, rows, loss.output().output);
    file.dataset("LSE", {}, shape.rows, 0, rows, loss.output().lse);
    file.scalar("loss", *run_.report.loss);
    if (!run_.gradients()) return;
    io::write_weights(run_.comm, file, info, "d", weights_);
    if (run_.options.full_gradient)
      io::write_matrix(run_.comm, file, info.dtype, "dX", info.model_dim, info.model_dim * info.model_dim,
                       full_.data());
  }

  Run run_;
  std::vector<double> weights_, full_;  ///< dX1.., dY1..; dX
};

}  // namespace

template <class T>
io::ProblemData<T> read_problem(Run& run) {
  run.require_memory(sizeof(T), other_bytes(run, sizeof(T)));
  io::ProblemData<T> data;
  run.report.seconds.read = timed([&] {
    const Shares mine = run.shares();
    data = io::read_problem<T>(run.comm, run.info, mine.query_rows, mine.key_rows);
  });
  return data;
}

template <class T>
Report compute_problem(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info,
                       io::Needs wanted) {
  return ProblemRun<T>(comm, options, info, wanted).all();
}

template Report compute_problem<float>(const Communicator&, const ComputeOptions&, const io::FileInfo&, io::Needs);
template Report compute_problem<double>(const Communicator&, const ComputeOptions&, const io::FileInfo&, io::Needs);
template io::ProblemData<float> read_problem(Run&);
template io::ProblemData<double> read_problem(Run&);

}  // namespace tattn::cli
