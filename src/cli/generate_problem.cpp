// tattn generate OUT --problem: a training problem with a hidden teacher.
#include <fmt/format.h>

#include "cli/generate.hpp"
#include "io/problem_file.hpp"
#include "plan/random_normal.hpp"
#include "training/teacher.hpp"

namespace tattn::cli {
namespace {

constexpr double kStudentShrink = 0.5;  // the student begins nearer to zero than the teacher is

/// Entries in the type of the file, so that the teacher sees what the file holds.
void round_to(io::DType dtype, std::vector<double>& entries) {
  if (dtype == io::DType::f32)
    for (double& x : entries) x = static_cast<double>(static_cast<float>(x));
}

io::FileInfo describe(const GenerateOptions& options, const Shape& shape) {
  io::FileInfo info;
  info.path = options.output;
  info.dtype = options.shape.single() ? io::DType::f32 : io::DType::f64;
  info.problem = {shape, options.scale.value_or(1.0 / static_cast<double>(shape.dim)), options.causal};
  info.model_dim = options.model_dim.value_or(shape.dim);
  return info;
}

/// Makes the problem and writes it.
class ProblemWriter {
 public:
  ProblemWriter(const Communicator& comm, io::ResultFile& file, const GenerateOptions& options, const Shape& shape)
      : comm_(comm), file_(file), options_(options), info_(describe(options, shape)) {}

  void write() {
    const training::TrainingProblem problem = io::training_problem(info_);
    comm_.agree([&] { make_model(); });
    auto teacher = training::random_weights(problem, 1.0, seed(1));
    auto student = training::random_weights(problem, kStudentShrink, seed(2));
    round_to(info_.dtype, teacher);
    round_to(info_.dtype, student);
    training::OutputRows target = training::layer_output(comm_, problem, whole_, teacher);
    add_noise(problem, target);
    write_model();
    if (info_.dtype == io::DType::f32)
      write_target<float>(target);
    else
      write_target<double>(target);
    io::write_weights(comm_, file_, info_, "", student);
    io::write_weights(comm_, file_, info_, "teacher_", teacher);
  }

 private:
  /// Seeds of the weights, which have the names of the student's and are to differ from the teacher's.
  [[nodiscard]] std::uint64_t seed(std::uint64_t which) const {
    return RandomStream(options_.shape.seed, "weights").bits(which);
  }

  /// Every A, whole on every rank: a key and its value come from the same rows, as in a layer of a model.
  void make_model() {
    const Shape& shape = info_.problem.shape;
    whole_.query = normal("A1", shape.rows, info_.model_dim);
    whole_.query_rows = {0, shape.rows};
    for (int u = 0; u < shape.order; ++u) {
      const auto at = static_cast<std::size_t>(u);
      whole_.key[at] = normal(fmt::format("A{}", u + 2), shape.key_rows[at], info_.model_dim);
      whole_.value[at] = whole_.key[at];
      whole_.key_rows[at] = {0, shape.key_rows[at]};
    }
  }

  [[nodiscard]] std::vector<double> normal(const std::string& name, std::int64_t rows, std::int64_t columns) const {
    std::vector<double> entries(static_cast<std::size_t>(rows * columns));
    RandomStream(options_.shape.seed, name).normal({0, rows * columns}, options_.shape.spread, entries.data());
    round_to(info_.dtype, entries);
    require_finite(options_, name, entries.data(), entries.size());
    return entries;
  }

  void add_noise(const training::TrainingProblem& problem, training::OutputRows& target) {
    const double deviation = options_.noise.value_or(0) * training::root_mean_square(comm_, problem, target);
    std::vector<double> noise(target.output.size());
    const std::int64_t columns = info_.problem.shape.value_dim;
    RandomStream(options_.shape.seed, "noise")
        .normal({target.rows.begin * columns, target.rows.end * columns}, deviation, noise.data());
    for (std::size_t x = 0; x < noise.size(); ++x) target.output[x] += noise[x];
    file_.attribute("noise_deviation", deviation);
  }

  void write_model() {
    const Shape& shape = info_.problem.shape;
    write_rows("A1", shape.rows, whole_.query);
    for (int u = 0; u < shape.order; ++u) {
      const auto at = static_cast<std::size_t>(u);
      write_rows(fmt::format("A{}", u + 2), shape.key_rows[at], whole_.key[at]);
      write_rows(fmt::format("A{}", u + 2 + shape.order), shape.key_rows[at], whole_.value[at]);
    }
  }

  void write_rows(const std::string& name, std::int64_t rows, const std::vector<double>& entries) {
    io::write_matrix(comm_, file_, info_.dtype, name, rows, info_.model_dim, entries.data());
  }

  template <class T>
  void write_target(const training::OutputRows& target) {
    const std::vector<T> rows(target.output.begin(), target.output.end());
    comm_.agree([&] { require_finite(options_, "E", rows.data(), rows.size()); });
    file_.dataset("E", {}, info_.problem.shape.rows, info_.problem.shape.value_dim, target.rows, rows.data());
  }

  const Communicator& comm_;
  io::ResultFile& file_;
  const GenerateOptions& options_;
  io::FileInfo info_;
  training::ProblemRows<double> whole_;
};

}  // namespace

void write_problem(const Communicator& comm, io::ResultFile& file, const GenerateOptions& options,
                   const Shape& shape) {
  ProblemWriter(comm, file, options, shape).write();
}

}  // namespace tattn::cli
