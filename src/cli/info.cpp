// tattn info FILE: what an operand file holds, whether it is valid, the range of its scores.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.hpp"
#include "io/operand_file.hpp"
#include "polynomial/score_range.hpp"

namespace tattn::cli {
namespace {

void print_dataset(const io::FileInfo& info, const std::string& name, std::int64_t rows, std::int64_t columns) {
  const io::DatasetShape shape{info.leading, rows, columns};
  fmt::print("  {:<4} {:<28} {}\n", name, io::format_dims(shape.dims()),
             info.dtype == io::DType::f32 ? "float32" : "float64");
}

void print_contents(const io::FileInfo& info) {
  const Shape& shape = info.problem.shape;
  fmt::print("{}: a valid operand file of {} bytes\n", info.path, info.bytes);
  print_dataset(info, "Q", shape.rows, shape.dim);
  for (int u = 1; u <= shape.order; ++u)
    print_dataset(info, fmt::format("K{}", u), shape.key_rows[static_cast<std::size_t>(u - 1)], shape.dim);
  for (int u = 1; u <= shape.order; ++u)
    print_dataset(info, fmt::format("V{}", u), shape.key_rows[static_cast<std::size_t>(u - 1)], shape.value_dim);
  if (info.has_upstream) print_dataset(info, "dO", shape.rows, shape.value_dim);
  if (info.has_target) print_dataset(info, "E", shape.rows, shape.value_dim);
  fmt::print("order {}, {} slice{}, scale {}{}, {}\n", shape.order, shape.slices, shape.slices == 1 ? "" : "s",
             info.problem.scale, info.problem.scale == 1.0 / static_cast<double>(shape.dim) ? " (1/dim)" : "",
             info.problem.causal ? "causal" : "not causal");
  if (!info.has_upstream && !info.has_target) fmt::print("no dO or E: forward only\n");
}

/// Reading the entries is part of the check: it refuses NaN and Inf.
template <class T>
polynomial::ScoreRange read_and_range(const Communicator& comm, const io::FileInfo& info) {
  const RowRange mine = even_range(info.problem.shape.total_rows(), comm.size(), comm.rank());
  const io::Needs needs = info.has_upstream || info.has_target ? io::Needs::upstream : io::Needs::operands;
  const auto rows = io::read_operands<T>(comm, info, mine, needs);
  return polynomial::score_range(comm, info.problem, rows.views());
}

void run(const Communicator& comm, const std::string& path) {
  const io::FileInfo info = io::inspect(comm, path, io::Needs::operands, {});
  const polynomial::ScoreRange range =
      info.dtype == io::DType::f32 ? read_and_range<float>(comm, info) : read_and_range<double>(comm, info);
  if (comm.rank() != 0) return;
  print_contents(info);
  fmt::print("scores: at most {:.6g} in magnitude; {:.6g} to {:.6g} in a sample of {}\n", range.bound,
             range.smallest, range.largest, range.samples);
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("info", "what a file holds, the range of its scores, whether it is valid");
  const auto path = std::make_shared<std::string>();
  command->add_option("FILE", *path, "operand file")->required();
  command->callback([path, &action] { action = [path](const Communicator& comm) { run(comm, *path); }; });
}

}  // namespace tattn::cli
