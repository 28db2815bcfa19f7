#include "cli/shape_options.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/common_options.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {

CLI::Range count_option() {
  return {std::int64_t{1}, std::int64_t{1} << 40};
}

void define_shape(CLI::App& command, ShapeOptions& o) {
  const CLI::Range count = count_option();
  command
      .add_option("--key-rows", o.key_rows, "rows of K_u and V_u: one number, or one for each (default: --rows)")
      ->delimiter(',')
      ->check(count);
  CLI::Option* dim = command.add_option("--dim", o.dim, "columns of Q and K_u")->check(count);
  if (o.dim > 0)
    dim->capture_default_str();
  else
    dim->required();
  command.add_option("--value-dim", o.value_dim, "columns of V_u (default: --dim)")->check(count);
  command.add_option("--order", o.order, "number of key matrices (default: 2, or as many as --key-rows)")
      ->check(CLI::Range(1, kMaxOrder));
  command.add_option("--batch", o.batch, "a leading dimension of this length")->check(count);
  command.add_option("--heads", o.heads, "a leading dimension of this length, after the batch")->check(count);
  command.add_option("--seed", o.seed, "of the random numbers")->check(unsigned_number())->capture_default_str();
  command.add_option("--spread", o.spread, "standard deviation of the entries")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--dtype", o.dtype, "type of the entries")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
}

Shape shape_of(const ShapeOptions& o, std::int64_t rows, bool causal) {
  Shape shape;
  const std::size_t given = o.key_rows.size();
  if (given > kMaxOrder)
    throw Error(Status::usage, fmt::format("--key-rows names {} lengths: at most {}", given, kMaxOrder));
  shape.order = o.order.value_or(given > 1 ? static_cast<int>(given) : 2);
  if (given > 1 && given != static_cast<std::size_t>(shape.order))
    throw Error(Status::usage,
                fmt::format("--key-rows names {} lengths, but --order is {}: give one, or one for each", given,
                            shape.order));
  shape.rows = rows;
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    shape.key_rows[u] = given == 0 ? rows : o.key_rows[given == 1 ? 0 : u];
    if (causal && shape.key_rows[u] != rows)
      throw Error(Status::usage, fmt::format("--causal needs as many key rows as rows, but K{} has {} and Q {}",
                                             u + 1, shape.key_rows[u], rows));
  }
  shape.dim = o.dim;
  shape.value_dim = o.value_dim.value_or(o.dim);
  shape.slices = o.batch.value_or(1) * o.heads.value_or(1);
  return shape;
}

}  // namespace tattn::cli
