// What a problem file claims: A1 .. A(2t+1), X1 .. X(t+1), Y1 .. Yt and E fit together.
#include <fmt/format.h>

#include <algorithm>

#include "io/dataset_shape.hpp"
#include "io/source_file.hpp"

namespace tattn::io {
namespace {

/// The highest order that a dataset's number belongs to: A2 and A3 to 1, X3 to 2.
int order_of(char letter, int number) {
  return letter == 'A' ? number / 2 : letter == 'X' ? number - 1 : number;
}

int count_of(char letter, int order) {
  return letter == 'A' ? 2 * order + 1 : letter == 'X' ? order + 1 : order;
}

std::string all_names(int order) {
  return fmt::format("A1 to A{}, X1 to X{}, Y1 to Y{} and E", 2 * order + 1, order + 1, order);
}

/// The order of the highest number of an A, X or Y; nothing below it may be missing.
int find_order(const SourceFile& source) {
  int order = 0;
  std::string highest = "A1";
  for (const char letter : {'Y', 'X', 'A'})
    for (int number = 1; number <= kNumbersLookedFor; ++number)
      if (order_of(letter, number) >= order && source.has(numbered(letter, number)))
        order = order_of(letter, number), highest = numbered(letter, number);
  if (order > kMaxOrder)
    refuse_dataset(source.path, highest, fmt::format("belongs to order {}, expected at most {}", order, kMaxOrder));
  order = std::max(order, 1);
  for (const char letter : {'A', 'X', 'Y'})
    for (int number = 1; number <= count_of(letter, order); ++number)
      if (!source.has(numbered(letter, number)))
        refuse_dataset(source.path, numbered(letter, number),
                       fmt::format("is missing, but '{}' is there: a problem file of order {} has {}", highest,
                                   order, all_names(order)));
  return order;
}

/// The datasets of one letter, each a matrix of the file's type.
std::vector<Dataset> describe_matrices(const SourceFile& source, char letter, int order, const Dataset& first) {
  std::vector<Dataset> matrices;
  for (int number = 1; number <= count_of(letter, order); ++number) {
    matrices.push_back(source.describe(numbered(letter, number)));
    same_type(source.path, matrices.back(), first);
  }
  return matrices;
}

void check_matrix(const SourceFile& source, const Dataset& dataset) {
  if (dataset.dims.size() != 2)
    refuse_dataset(source.path, dataset.name,
                   fmt::format("has shape {}, {} dimensions: a problem file has matrices (rows, columns) only",
                               format_dims(dataset.dims), dataset.dims.size()));
}

/// Rows of a weight are the columns of the A that it multiplies.
void check_weights(const SourceFile& source, const std::vector<Dataset>& weights, const Dataset& model,
                   const char* shared) {
  for (const Dataset& weight : weights) {
    check_matrix(source, weight);
    if (weight.rows() != model.columns())
      refuse_dataset(source.path, weight.name,
                     fmt::format("has {} rows, but {} has {} columns: every A and every weight share the model dim",
                                 weight.rows(), model.name, model.columns()));
    same_columns(source.path, weight, weights[0], shared);
  }
}

void check_model(const SourceFile& source, const std::vector<Dataset>& model, int order) {
  for (const Dataset& a : model) {
    check_matrix(source, a);
    same_columns(source.path, a, model[0], "every A has the model dim");
  }
  for (std::size_t u = 1; u <= static_cast<std::size_t>(order); ++u)
    same_rows(source.path, model[u + static_cast<std::size_t>(order)], model[u],
              "a key and its value must have the same number of rows");
}

void check_target(const SourceFile& source, const Dataset& target, const Dataset& query, const Dataset& value) {
  check_matrix(source, target);
  same_rows(source.path, target, query, "the output has a row for each query");
  same_columns(source.path, target, value, "the output has the value dim");
}

}  // namespace

FileInfo inspect_problem(const SourceFile& source, const Overrides& overrides) {
  const int order = find_order(source);
  const Dataset first = source.describe("A1");
  const std::vector<Dataset> model = describe_matrices(source, 'A', order, first);
  const std::vector<Dataset> x = describe_matrices(source, 'X', order, first);
  const std::vector<Dataset> y = describe_matrices(source, 'Y', order, first);
  const Dataset target =
      source.require("E", fmt::format("a problem file of order {} has {}", order, all_names(order)));
  same_type(source.path, target, first);
  check_model(source, model, order);
  check_weights(source, x, first, "X1, X2, .. share the key dim");
  check_weights(source, y, first, "Y1, Y2, .. share the value dim");
  check_target(source, target, first, y[0]);

  FileInfo info{source.path, {}, first.dtype, {}, false, true, source.bytes, first.columns()};
  Shape& shape = info.problem.shape;
  shape.order = order;
  shape.rows = first.rows();
  shape.dim = x[0].columns();
  shape.value_dim = y[0].columns();
  for (std::size_t u = 0; u < static_cast<std::size_t>(order); ++u) shape.key_rows[u] = model[u + 1].rows();
  info.problem.scale = choose_scale(source, overrides, shape.dim);
  info.problem.causal = choose_causal(source, overrides);
  if (info.problem.causal)
    for (int u = 1; u <= order; ++u)
      same_rows(source.path, model[static_cast<std::size_t>(u)], first,
                "causal attention needs as many key rows as query rows");
  return info;
}

}  // namespace tattn::io
