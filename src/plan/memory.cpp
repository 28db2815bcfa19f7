#include "plan/memory.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "fmt/format.h"
#include "plan/dense_layout.hpp"
#include "plan/partition.hpp"
#include "tattn/error.hpp"

namespace tattn::plan {
namespace {

constexpr double kBufferBytes = 64.0 * 1024 * 1024;
constexpr int kMostRanksTried = 1 << 16;
constexpr double kScalapackBlock = 32;  // columns that ScaLAPACK's products work on at a time

std::string readable(double bytes) {
  const char* unit = "KiB";
  bytes /= 1024;
  for (const char* next : {"MiB", "GiB", "TiB", "PiB"})
    if (bytes >= 1024) {
      bytes /= 1024;
      unit = next;
    }
  return fmt::format("{:.1f} {}", bytes, unit);
}

/// Bytes of a rank that works on `queries`, and holds an even share of the keys.
double bytes_of(const Problem& problem, Pass pass, double element, int ranks, RowRange queries) {
  const Shape& shape = problem.shape;
  const auto n = static_cast<double>(queries.size()), d = static_cast<double>(shape.dim),
             dv = static_cast<double>(shape.value_dim);
  const auto slices =
      queries.empty() ? 0.0 : static_cast<double>((queries.end - 1) / shape.rows - queries.begin / shape.rows + 1);
  const bool gradient = pass == Pass::gradient;
  double bytes = n * (d + dv + 1) * element;                                  // Q, O, LSE
  bytes += gradient ? n * (d + dv) * element + n * d * 8 : n * (dv + 2) * 8;  // dQ, dO, dQ sums; softmax sums
  for (int u = 0; u < shape.order; ++u) {
    const double total = static_cast<double>(shape.total_key_rows(u)) * (d + dv);
    const double here = slices / static_cast<double>(shape.slices) * total;
    bytes += total / ranks * element + (ranks > 1 ? here * element : 0);  // own rows, gathered rows
    if (gradient)
      bytes += here * 8 + total / ranks * (element + 8 + (ranks > 1 ? 8 : 0));  // sums, results, arrivals
  }
  return bytes;
}

/// Entries of a dealt matrix on the rank that holds most, the first one.
double entries(const Deal& rows, const Deal& columns) {
  return static_cast<double>(rows.size(0)) * static_cast<double>(columns.size(0));
}

/// What a rank of the dense method takes, the one of process row and column 0, which holds most.
double dense_bytes_of(const Problem& problem, Pass pass, double element, int ranks) {
  const Shape& shape = problem.shape;
  const DenseLayout layout = dense_layout(shape, ranks);
  const double both = pass == Pass::gradient ? 2 : 1;  // a matrix, and its gradient
  const auto width = static_cast<double>(shape.dim + shape.value_dim);
  double doubles = both * entries(layout.weight_rows(), layout.weight_columns());
  doubles += 4 * kScalapackBlock *
             static_cast<double>(layout.weight_rows().size(0) + layout.weight_columns().size(0));  // its buffers
  for (const std::int64_t columns : {shape.dim, shape.value_dim})
    doubles += both * entries(layout.product_rows(), layout.product_columns(columns)) +
               2 * both * entries(layout.panel_rows(), layout.panel_columns(columns));
  doubles += 4 * static_cast<double>(shape.rows);  // LSE and delta of all rows
  double bytes = static_cast<double>(shape.total_rows()) / ranks * (width + 1) * element * both;
  for (int u = 0; u < shape.order; ++u) {
    const auto keys = static_cast<double>(shape.key_rows[static_cast<std::size_t>(u)]) * width;
    doubles += (pass == Pass::gradient ? 4 : 1) * keys;  // whole keys; sums, arrivals and totals
    bytes += keys * (static_cast<double>(shape.slices) / ranks * both + 1) * element;
  }
  return bytes + doubles * sizeof(double);
}

/// Throws when `needed(ranks)` bytes exceed the limit, and looks for a number of ranks that would do.
template <class Needed>
void require(const std::string& why, int ranks, std::int64_t limit, const Needed& needed) {
  if (needed(ranks) <= limit) return;
  std::string remedy = "no number of ranks makes it fit: raise --memory";
  for (int more = 2 * ranks; more <= kMostRanksTried; more *= 2)
    if (needed(more) <= limit) {
      remedy = fmt::format("{} ranks would do, with as much memory each", more);
      break;
    }
  throw Error(Status::failed, fmt::format("{}not enough memory: {} a rank is needed, {} is there; {}", why,
                                          readable(static_cast<double>(needed(ranks))),
                                          readable(static_cast<double>(limit)), remedy));
}

}  // namespace

std::int64_t exact_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks, int) {
  double most = 0;
  for (const WorkShare& share : partition_exact(problem, ranks).work)
    most = std::max(most, bytes_of(problem, pass, element_bytes, ranks, share.queries));
  return static_cast<std::int64_t>(std::min(most + kBufferBytes, 9e18));
}

std::int64_t polynomial_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                                     std::int64_t features) {
  const Shape& shape = problem.shape;
  const auto columns = static_cast<double>(shape.dim + shape.value_dim);
  const bool gradient = pass == Pass::gradient;
  double rows = static_cast<double>(shape.total_rows());
  for (int u = 0; u < shape.order; ++u) rows += static_cast<double>(shape.total_key_rows(u));
  // Operands and results; the values cut like their keys, and their gradients before they are cut back.
  const double held = rows / ranks * columns * element_bytes * (gradient ? 3 : 1.5);
  const double matrix = static_cast<double>(features * (shape.value_dim + 1));
  // Moments of the keys, the product and its gradient; one of them in the kernels' panels.
  const double moments = matrix * (8.0 * (shape.order + (gradient ? 3 : 1)) + element_bytes);
  const double buffers = 1e7 * threads;
  return static_cast<std::int64_t>(std::min(held + moments + buffers, 9e18));
}

std::int64_t split_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int light_bytes, int ranks,
                                int threads, std::int64_t features, const HeavyCounts& heavy) {
  Problem part = problem;
  part.shape = part_shape(problem.shape, heavy, light_part());
  std::int64_t most = polynomial_memory_bytes(part, pass, light_bytes, ranks, threads, features);
  for (const TuplePart& tuples : exact_parts(problem.shape, heavy)) {
    part.shape = part_shape(problem.shape, heavy, tuples);
    most = std::max(most, exact_memory_bytes(part, pass, element_bytes, ranks, threads));
  }
  const auto columns = static_cast<double>(problem.shape.dim + problem.shape.value_dim);
  auto rows = static_cast<double>(problem.shape.total_rows());
  for (int u = 0; u < problem.shape.order; ++u) rows += static_cast<double>(problem.shape.total_key_rows(u));
  const double held = rows / ranks * columns * element_bytes * (pass == Pass::gradient ? 2 : 1) +
                      static_cast<double>(problem.shape.total_rows()) / ranks * columns * 8;  // merged sums
  return most + static_cast<std::int64_t>(held);
}

std::int64_t dense_memory_bytes(const Problem& problem, Pass pass, int element_bytes, int ranks) {
  const double most = dense_bytes_of(problem, pass, element_bytes, ranks) + kBufferBytes;
  return static_cast<std::int64_t>(std::min(most, 9e18));
}

void require_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                    std::int64_t limit) {
  require("", ranks, limit,
          [&](int any) { return exact_memory_bytes(problem, pass, element_bytes, any, threads); });
}

void require_polynomial_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, int threads,
                               std::int64_t features, std::int64_t limit) {
  require("", ranks, limit,
          [&](int any) { return polynomial_memory_bytes(problem, pass, element_bytes, any, threads, features); });
}

void require_split_memory(const Problem& problem, Pass pass, int element_bytes, int light_bytes, int ranks,
                          int threads, std::int64_t features, const HeavyCounts& heavy, std::int64_t limit) {
  require("", ranks, limit, [&](int any) {
    return split_memory_bytes(problem, pass, element_bytes, light_bytes, any, threads, features, heavy);
  });
}

void require_dense_memory(const Problem& problem, Pass pass, int element_bytes, int ranks, std::int64_t limit) {
  require("the dense method holds every softmax weight: ", ranks, limit,
          [&](int any) { return dense_memory_bytes(problem, pass, element_bytes, any); });
  const DenseLayout layout = dense_layout(problem.shape, ranks);
  const std::int64_t wider = std::max(problem.shape.dim, problem.shape.value_dim);
  const double most = std::max({static_cast<double>(layout.tuples), static_cast<double>(layout.rows),
                                entries(layout.weight_rows(), layout.weight_columns()),
                                entries(layout.product_rows(), layout.product_columns(wider))});
  if (most <= INT32_MAX) return;
  throw Error(Status::failed,
              fmt::format("the dense method counts in 32 bits: {} x {} weights over {} ranks are too "
                          "many; use exact",
                          layout.rows, layout.tuples, ranks));
}

}  // namespace tattn::plan
