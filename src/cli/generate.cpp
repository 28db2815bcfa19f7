// tattn generate OUT: an operand file or problem file of seeded random numbers.
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "cli/common_options.hpp"
#include "cli/generate.hpp"
#include "cli/log.hpp"
#include "io/finite.hpp"
#include "plan/random_normal.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

void define(CLI::App& command, GenerateOptions& o) {
  file_option(command.add_option("OUT", o.output, "the file to make"))->required();
  command.add_option("--rows", o.rows, "query rows a slice")->required()->check(count_option());
  define_shape(command, o.shape);
  command.add_option("--scale", o.scale, "write this scale into the file (without: 1/dim holds)")->check(finite());
  command.add_flag("--causal", o.causal, "mark the file causal");
  command.add_flag("--upstream", o.upstream, "add an upstream gradient dO");
  command.add_flag("--target", o.target, "add a target E");
  command.add_flag("--problem", o.problem,
                   "a problem file instead: A1 .., X1 .., Y1 .., and the output of a hidden teacher as E");
  command.add_option("--model-dim", o.model_dim, "of a problem file: columns of every A (default: --dim)")
      ->check(count_option());
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
  const double bytes = 8 * static_cast<double>(o.shape.batch.value_or(1)) *
                       static_cast<double>(o.shape.heads.value_or(1)) * rows *
                       static_cast<double>(std::max({shape.dim, shape.value_dim, o.model_dim.value_or(1)}));
  if (bytes > 0x1p62)
    throw Error(Status::usage,
                fmt::format("--rows, --dim, --batch and --heads ask for a dataset of {:.1e} bytes, more "
                            "than a file can hold: choose smaller ones",
                            bytes));
}

void check(const GenerateOptions& o) {
  if (!o.problem && (o.model_dim || o.noise))
    throw Error(Status::usage, "--model-dim and --noise belong to --problem");
  if (o.problem && (o.shape.batch || o.shape.heads || o.upstream || o.target))
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
    if (options.shape.batch) leading_.push_back(*options.shape.batch);
    if (options.shape.heads) leading_.push_back(*options.shape.heads);
  }

  void matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
    const RowRange mine = even_range(slices_ * rows, comm_.size(), comm_.rank());
    const RandomStream random(options_.shape.seed, name);
    file_.dataset<T>(name, leading_, rows, columns, mine, [&](RowRange part, T* to) {
      random.normal({part.begin * columns, part.end * columns}, options_.shape.spread, to);
      require_finite(options_, name, to, static_cast<std::size_t>(part.size() * columns));
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
  const Shape shape = shape_of(options.shape, options.rows, options.causal);
  check_size(options, shape);
  io::ResultFile file(comm, options.output, options.force);
  if (options.scale) file.attribute("scale", *options.scale);
  if (options.causal) file.attribute("causal", std::int64_t{1});
  if (options.problem)
    write_problem(comm, file, options, shape);
  else if (options.shape.single())
    write<float>(comm, file, options, shape);
  else
    write<double>(comm, file, options, shape);
  file.commit();
  spdlog::info("{}: order {}, {} x {} query rows, dim {}, value dim {}, {}", options.output, shape.order,
               shape.slices, shape.rows, shape.dim, shape.value_dim, options.shape.dtype);
}

}  // namespace

template <class T>
void require_finite(const GenerateOptions& options, const std::string& dataset, const T* entries,
                    std::size_t count) {
  const auto all = static_cast<std::int64_t>(count);
  if (io::first_not_finite(entries, all) == all) return;
  throw Error(Status::usage,
              fmt::format("{}: dataset '{}' would have entries that are not finite in {}: choose a smaller {}",
                          options.output, dataset, options.shape.dtype,
                          options.noise ? "--spread or --noise" : "--spread"));
}

template void require_finite(const GenerateOptions&, const std::string&, const float*, std::size_t);
template void require_finite(const GenerateOptions&, const std::string&, const double*, std::size_t);

void add_generate(CLI::App& app, Action& action) {
  CLI::App* command =
      app.add_subcommand("generate", "make an operand or problem file (seeded; the same bytes at any rank count)");
  const auto options = std::make_shared<GenerateOptions>();
  define(*command, *options);
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
