// tattn info FILE: what an operand or problem file holds, whether it is valid, the range of its scores, the
// spectrum of P.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "cli/commands.hpp"
#include "cli/common_options.hpp"
#include "dense/spectrum.hpp"
#include "io/operand_file.hpp"
#include "io/problem_file.hpp"
#include "polynomial/score_range.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

void print_dataset(const io::FileInfo& info, const std::string& name, std::int64_t rows, std::int64_t columns) {
  const io::DatasetShape shape{info.leading, rows, columns};
  fmt::print("  {:<4} {:<28} {}\n", name, io::format_dims(shape.dims()),
             info.dtype == io::DType::f32 ? "float32" : "float64");
}

void print_problem_datasets(const io::FileInfo& info) {
  const Shape& shape = info.problem.shape;
  print_dataset(info, "A1", shape.rows, info.model_dim);
  for (int number = 2; number <= 2 * shape.order + 1; ++number)
    print_dataset(info, fmt::format("A{}", number),
                  shape.key_rows[static_cast<std::size_t>((number - 2) % shape.order)], info.model_dim);
  for (const auto& view : weight_views(io::training_problem(info)))
    print_dataset(info, view.name, view.rows, view.columns);
  print_dataset(info, "E", shape.rows, shape.value_dim);
}

void print_operand_datasets(const io::FileInfo& info) {
  const Shape& shape = info.problem.shape;
  print_dataset(info, "Q", shape.rows, shape.dim);
  for (int u = 1; u <= shape.order; ++u)
    print_dataset(info, fmt::format("K{}", u), shape.key_rows[static_cast<std::size_t>(u - 1)], shape.dim);
  for (int u = 1; u <= shape.order; ++u)
    print_dataset(info, fmt::format("V{}", u), shape.key_rows[static_cast<std::size_t>(u - 1)], shape.value_dim);
  if (info.has_upstream) print_dataset(info, "dO", shape.rows, shape.value_dim);
  if (info.has_target) print_dataset(info, "E", shape.rows, shape.value_dim);
}

void print_contents(const io::FileInfo& info) {
  const Shape& shape = info.problem.shape;
  fmt::print("{}: a valid {} file of {} bytes\n", info.path, info.is_problem() ? "problem" : "operand", info.bytes);
  if (info.is_problem())
    print_problem_datasets(info);
  else
    print_operand_datasets(info);
  fmt::print("order {}, {} slice{}, scale {}{}, {}\n", shape.order, shape.slices, shape.slices == 1 ? "" : "s",
             info.problem.scale, info.problem.scale == 1.0 / static_cast<double>(shape.dim) ? " (1/dim)" : "",
             info.problem.causal ? "causal" : "not causal");
  if (!info.has_upstream && !info.has_target) fmt::print("no dO or E: forward only\n");
}

struct InfoOptions {
  std::string path;
  bool spectrum = false;
  std::int64_t spectrum_count = 10;
};

/// What has to be computed from the entries.
struct Figures {
  polynomial::ScoreRange range;
  std::optional<dense::Spectrum> spectrum;
};

template <class T>
dense::Spectrum spectrum_of(const Communicator& comm, const io::FileInfo& info, const Operands<T>& operands) {
  try {
    return dense::spectrum(comm, info.problem, operands, share_of_free_memory(comm));
  } catch (const Error& error) {  // the same on every rank
    throw Error(error.status(), fmt::format("{}: {}", info.path, error.what()));
  }
}

/// Reading the entries is part of the check: it refuses NaN and Inf.
template <class T>
Figures read_and_compute(const Communicator& comm, const io::FileInfo& info, bool spectrum) {
  const RowRange mine = even_range(info.problem.shape.total_rows(), comm.size(), comm.rank());
  const io::Needs needs = info.has_upstream || info.has_target ? io::Needs::upstream : io::Needs::operands;
  const auto rows = io::read_operands<T>(comm, info, mine, needs);
  Figures figures{polynomial::score_range(comm, info.problem, rows.views()), {}};
  if (spectrum) figures.spectrum = spectrum_of<T>(comm, info, rows.views());
  return figures;
}

void print_spectrum(const dense::Spectrum& spectrum, std::int64_t count) {
  const auto values = static_cast<std::int64_t>(spectrum.values.size());
  fmt::print("singular values of P of the first slice, {} of {}, with their share of its squared Frobenius norm:\n",
             std::min(count, values), values);
  double share = 0;
  for (std::int64_t k = 0; k < std::min(count, values); ++k) {
    const double value = spectrum.values[static_cast<std::size_t>(k)];
    if (value <= spectrum.smallest) {
      fmt::print("  {:>4}  all from here on are lost in rounding, below {:.1e}\n", k + 1, spectrum.smallest);
      break;
    }
    share += value * value / spectrum.squares;
    fmt::print("  {:>4}  {:.6e}  {:10.6f} %  together {:10.6f} %\n", k + 1, value,
               100 * value * value / spectrum.squares, 100 * share);
  }
}

void run(const Communicator& comm, const InfoOptions& options) {
  const io::FileInfo info = io::inspect(comm, options.path, io::Needs::operands, {});
  const Figures figures = info.dtype == io::DType::f32 ? read_and_compute<float>(comm, info, options.spectrum)
                                                       : read_and_compute<double>(comm, info, options.spectrum);
  if (comm.rank() != 0) return;
  print_contents(info);
  const polynomial::ScoreRange& range = figures.range;
  fmt::print("scores: at most {:.6g} in magnitude; {:.6g} to {:.6g} in a sample of {}\n", range.bound,
             range.smallest, range.largest, range.samples);
  if (figures.spectrum) print_spectrum(*figures.spectrum, options.spectrum_count);
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("info", "what a file holds, the range of its scores, whether it is valid");
  const auto options = std::make_shared<InfoOptions>();
  file_option(command->add_option("FILE", options->path, "operand or problem file"))->required();
  command->add_flag("--spectrum", options->spectrum,
                    "leading singular values of the softmax weights of the first slice (few rows, orders 1 and 2)");
  command->add_option("--spectrum-count", options->spectrum_count, "how many of them")
      ->check(positive())
      ->capture_default_str();
  command->callback([options, &action] { action = [options](const Communicator& comm) { run(comm, *options); }; });
}

}  // namespace tattn::cli
