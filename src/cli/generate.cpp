// tattn generate OUT: an operand file or problem file of seeded random numbers.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/common_options.hpp"
#include "cli/generate.hpp"
#include "cli/log.hpp"
#include "plan/random_normal.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

void define(CLI::App& command, GenerateOptions& o) {
  const auto count = CLI::Range(std::int64_t{1}, std::int64_t{1} << 40);
  command.add_option("OUT", o.output, "the file to make")->required();
  command.add_option("--rows", o.rows, "query rows a slice")->required()->check(count);
  command
      .add_option("--key-rows", o.key_rows, "rows of K_u and V_u: one number, or one for each (default: --rows)")
      ->delimiter(',')
      ->check(count);
  command.add_option("--dim", o.dim, "columns of Q and K_u")->required()->check(count);
  command.add_option("--value-dim", o.value_dim, "columns of V_u (default: --dim)")->check(count);
  command.add_option("--order", o.order, "number of key matrices (default: 2, or as many as --key-rows)")
      ->check(CLI::Range(1, kMaxOrder));
  command.add_option("--batch", o.batch, "a leading dimension of this length")->check(count);
  command.add_option("--heads", o.heads, "a leading dimension of this length, after the batch")->check(count);
  command.add_option("--seed", o.seed, "of the random numbers")->capture_default_str();
  command.add_option("--spread", o.spread, "standard deviation of the entries")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--dtype", o.dtype, "type of the entries")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  command.add_option("--scale", o.scale, "write this scale into the file (without: 1/dim holds)")->check(finite());
  command.add_flag("--causal", o.causal, "mark the file causal");
  command.add_flag("--upstream", o.upstream, "add an upstream gradient dO");
  command.add_flag("--target", o.target, "add a target E");
  command.add_flag("--problem", o.problem,
                   "a problem file instead: A1 .., X1 .., Y1 .., and the output of a hidden teacher as E");
  command.add_option("--model-dim", o.model_dim, "of a problem file: columns of every A (default: --dim)")
      ->check(count);
  command
      .add_option("--noise", o.noise,
                  "of a problem file: deviation of what is added to E, times the root mean square of the teacher's "
                  "output (default: 0)")
      ->check(CLI::NonNegativeNumber)
      ->check(finite());
  command.add_flag("--force", o.force, "replace an existing OUT");
  command.add_flag("--quiet", o.quiet, "say nothing unless something is wrong");
}

/// Bytes and counts of the largest matrix must fit 64 bits.
void check_size(const GenerateOptions& o, const Shape& shape) {
  double rows = static_cast<double>(shape.rows);
  for (const std::int64_t key_rows : shape.key_rows) rows = std::max(rows, static_cast<double>(key_rows));
  const double bytes = 8 * static_cast<double>(o.batch.value_or(1)) * static_cast<double>(o.heads.value_or(1)) *
                       rows * static_cast<double>(std::max({shape.dim, shape.value_dim, o.model_dim.value_or(1)}));
  if (bytes > 0x1p62)
    throw Error(Status::usage,
                fmt::format("--rows, --dim, --batch and --heads ask for a dataset of {:.1e} bytes, more "
                            "than a file can hold: choose smaller ones",
                            bytes));
}

Shape shape_of(const GenerateOptions& o) {
  Shape shape;
  const auto given = static_cast<std::int64_t>(o.key_rows.size());
  shape.order = static_cast<int>(o.order.value_or(given > 1 ? given : 2));
  if (given > 1 && given != shape.order)
    throw Error(Status::usage,
                fmt::format("--key-rows names {} lengths, but --order is {}: give one, or one for each", given,
                            shape.order));
  if (shape.order > kMaxOrder)
    throw Error(Status::usage, fmt::format("--key-rows names {} lengths: at most {}", given, kMaxOrder));
  shape.rows = o.rows;
  for (int u = 0; u < shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    shape.key_rows[at] = given == 0 ? o.rows : o.key_rows[given == 1 ? 0 : at];
    if (o.causal && shape.key_rows[at] != o.rows)
      throw Error(Status::usage, fmt::format("--causal needs as many key rows as rows, but K{} has {} and Q {}",
                                             u + 1, shape.key_rows[at], o.rows));
  }
  shape.dim = o.dim;
  shape.value_dim = o.value_dim.value_or(o.dim);
  check_size(o, shape);
  shape.slices = o.batch.value_or(1) * o.heads.value_or(1);
  return shape;
}

void check(const GenerateOptions& o) {
  if (!o.problem && (o.model_dim || o.noise))
    throw Error(Status::usage, "--model-dim and --noise belong to --problem");
  if (o.problem && (o.batch || o.heads || o.upstream || o.target))
    throw Error(Status::usage,
                "--problem has no slices and its own target: leave --batch, --heads, --upstream and --target out");
  if (o.upstream && o.target)
    throw Error(Status::usage, "--upstream and --target exclude each other: a file has dO or E, not both");
}

template <class T>
class Writer {
 public:
  Writer(const Communicator& comm, io::ResultFile& file, const GenerateOptions& options, std::int64_t slices)
      : comm_(comm), file_(file), options_(options), slices_(slices) {
    if (options.batch) leading_.push_back(*options.batch);
    if (options.heads) leading_.push_back(*options.heads);
  }

  void matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
    const RowRange mine = even_range(slices_ * rows, comm_.size(), comm_.rank());
    const RandomStream random(options_.seed, name);
    file_.dataset<T>(name, leading_, rows, columns, mine, [&](RowRange part, T* to) {
      random.normal({part.begin * columns, part.end * columns}, options_.spread, to);
    });
  }

 private:
  const Communicator& comm_;
  io::ResultFile& file_;
  const GenerateOptions& options_;
  std::int64_t slices_;
  std::vector<std::int64_t> leading_;
};

template <class T>
void write(const Communicator& comm, io::ResultFile& file, const GenerateOptions& options, const Shape& shape) {
  Writer<T> out(comm, file, options, shape.slices);
  out.matrix("Q", shape.rows, shape.dim);
  for (int u = 0; u < shape.order; ++u) {
    const std::int64_t rows = shape.key_rows[static_cast<std::size_t>(u)];
    out.matrix(fmt::format("K{}", u + 1), rows, shape.dim);
    out.matrix(fmt::format("V{}", u + 1), rows, shape.value_dim);
  }
  if (options.upstream) out.matrix("dO", shape.rows, shape.value_dim);
  if (options.target) out.matrix("E", shape.rows, shape.value_dim);
}

void run(const Communicator& comm, const GenerateOptions& options) {
  if (options.quiet) quiet_log();
  check(options);
  const Shape shape = shape_of(options);
  io::ResultFile file(comm, options.output, options.force);
  if (options.scale) file.attribute("scale", *options.scale);
  if (options.causal) file.attribute("causal", std::int64_t{1});
  if (options.problem)
    write_problem(comm, file, options, shape);
  else if (options.dtype == "f32")
    write<float>(comm, file, options, shape);
  else
    write<double>(comm, file, options, shape);
  file.commit();
  spdlog::info("{}: order {}, {} x {} query rows, dim {}, value dim {}, {}", options.output, shape.order,
               shape.slices, shape.rows, shape.dim, shape.value_dim, options.dtype);
}

}  // namespace

void add_generate(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("generate", "make an operand or problem file (seeded; the same bytes at any rank count)");
  const auto options = std::make_shared<GenerateOptions>();
  define(*command, *options);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
