#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "io/attributes.hpp"
#include "io/dataset.hpp"
#include "io/dataset_shape.hpp"
#include "io/input_file.hpp"
#include "io/operand_file.hpp"
#include "tattn/error.hpp"

namespace tattn::io {
namespace {

constexpr int kNumbersLookedFor = 16;  // beyond kMaxOrder: a K5 is to be refused, not overlooked

/// An open operand file and what its datasets claim.
struct Source {
  std::string path;
  std::int64_t bytes = 0;
  Handle file;
  Dataset query;
  std::vector<Dataset> keys, values;
  std::optional<Dataset> upstream, target;

  [[nodiscard]] bool has(const std::string& name) const { return has_link(file.get(), name); }
  [[nodiscard]] Dataset describe(const std::string& name) const {
    return describe_dataset(path, bytes, file.get(), name, 2);
  }
  /// For a dataset that may be missing: `why` is what follows from that.
  [[nodiscard]] Dataset require(const std::string& name, const std::string& why) const {
    if (!has(name)) refuse_dataset(path, name, "is missing: " + why);
    return describe(name);
  }
};

std::string numbered(char letter, int number) {
  return fmt::format("{}{}", letter, number);
}

/// The highest number of a K or V; nothing below it may be missing.
int find_order(const Source& source) {
  int order = 0;
  std::string highest;
  for (int u = 1; u <= kNumbersLookedFor; ++u)
    for (const char letter : {'K', 'V'})
      if (source.has(numbered(letter, u))) order = u, highest = numbered(letter, u);
  if (order > kMaxOrder)
    refuse_dataset(source.path, highest,
                   fmt::format("has number {}, expected at most {}: orders 1 to {} are computed", order, kMaxOrder,
                               kMaxOrder));
  for (int u = 1; u <= order; ++u)
    for (const char letter : {'K', 'V'})
      if (!source.has(numbered(letter, u)))
        refuse_dataset(source.path, numbered(letter, u),
                       fmt::format("is missing, but '{}' is there: expected K1 to K{} and V1 to V{}, without a gap",
                                   highest, order, order));
  return order;
}

void describe_operands(Source& source) {
  if (source.has("A1"))
    throw Error(Status::input, source.path +
                                   ": has a dataset 'A1', so it is a problem file: "
                                   "this version reads operand files, with Q, K1, V1 and so on");
  source.query = source.require("Q", "an operand file has Q, K1 to Kt and V1 to Vt");
  const int order = find_order(source);
  if (order == 0) refuse_dataset(source.path, "K1", "is missing: an operand file has Q, K1 to Kt and V1 to Vt");
  for (int u = 1; u <= order; ++u) {
    source.keys.push_back(source.describe(numbered('K', u)));
    source.values.push_back(source.describe(numbered('V', u)));
  }
  if (source.has("dO")) source.upstream = source.describe("dO");
  if (source.has("E")) source.target = source.describe("E");
}

void same_type(const Source& source, const Dataset& dataset) {
  if (dataset.dtype != source.query.dtype)
    refuse_dataset(source.path, dataset.name,
                   fmt::format("is of type {}, but Q is {}: one type in a file, convert one of them",
                               describe_type(dataset.dtype), describe_type(source.query.dtype)));
}

void same_slices(const Source& source, const Dataset& dataset) {
  if (dataset.leading() != source.query.leading())
    refuse_dataset(source.path, dataset.name,
                   fmt::format("has shape {}, but Q has {}: the leading dimensions (batch, heads) must be the same",
                               format_dims(dataset.dims), format_dims(source.query.dims)));
}

void same_columns(const Source& source, const Dataset& dataset, const Dataset& reference, const char* why) {
  if (dataset.columns() != reference.columns())
    refuse_dataset(source.path, dataset.name,
                   fmt::format("has {} columns, but {} has {}: {}", dataset.columns(), reference.name,
                               reference.columns(), why));
}

void same_rows(const Source& source, const Dataset& dataset, const Dataset& reference, const char* why) {
  if (dataset.rows() != reference.rows())
    refuse_dataset(
        source.path, dataset.name,
        fmt::format("has {} rows, but {} has {}: {}", dataset.rows(), reference.name, reference.rows(), why));
}

void check_keys_and_values(const Source& source) {
  for (std::size_t u = 0; u < source.keys.size(); ++u) {
    const Dataset &key = source.keys[u], &value = source.values[u];
    for (const Dataset* dataset : {&key, &value}) {
      same_type(source, *dataset);
      same_slices(source, *dataset);
    }
    same_columns(source, key, source.query, "keys and queries must share the key dim");
    same_columns(source, value, source.values[0], "values must share the value dim");
    same_rows(source, value, key, "a key and its value must have the same number of rows");
  }
}

void check_output_shaped(const Source& source, const Dataset& dataset) {
  same_type(source, dataset);
  same_slices(source, dataset);
  same_rows(source, dataset, source.query, "the output has a row for each query");
  same_columns(source, dataset, source.values[0], "the output has the value dim");
}

void check_upstream(const Source& source, Needs needs) {
  if (source.upstream && source.target)
    refuse_dataset(source.path, "dO",
                   "is there and so is 'E': expected one of them, the upstream gradient or a target");
  if (source.upstream) check_output_shaped(source, *source.upstream);
  if (source.target) check_output_shaped(source, *source.target);
  if (needs == Needs::upstream && !source.upstream && !source.target)
    refuse_dataset(source.path, "dO", "is missing, and 'E' too: a gradient needs an upstream gradient or a target");
}

void check_causal(const Source& source) {
  for (const Dataset& key : source.keys)
    same_rows(source, key, source.query, "causal attention needs as many key rows as query rows");
}

double choose_scale(const Source& source, const Overrides& overrides) {
  if (overrides.scale) {
    if (!std::isfinite(*overrides.scale))
      throw Error(Status::usage, fmt::format("--scale is {}, expected a finite number", *overrides.scale));
    return *overrides.scale;
  }
  const std::optional<double> scale = read_scale(source.path, source.file.get());
  return scale ? *scale : 1.0 / static_cast<double>(source.query.columns());
}

FileInfo summarise(const Source& source, const Overrides& overrides) {
  FileInfo info;
  info.path = source.path;
  info.bytes = source.bytes;
  info.leading = source.query.leading();
  info.dtype = source.query.dtype;
  info.has_upstream = source.upstream.has_value();
  info.has_target = source.target.has_value();
  Shape& shape = info.problem.shape;
  shape.order = static_cast<int>(source.keys.size());
  for (const std::int64_t extent : info.leading) shape.slices *= extent;
  shape.rows = source.query.rows();
  for (std::size_t u = 0; u < source.keys.size(); ++u) shape.key_rows[u] = source.keys[u].rows();
  shape.dim = source.query.columns();
  shape.value_dim = source.values[0].columns();
  info.problem.scale = choose_scale(source, overrides);
  info.problem.causal = overrides.causal || read_causal(source.path, source.file.get()).value_or(false);
  return info;
}

FileInfo inspect_here(const std::string& path, Needs needs, const Overrides& overrides) {
  Source source;
  source.path = path;
  source.bytes = check_input_file(path);
  source.file = open_input_file(path);
  describe_operands(source);
  check_keys_and_values(source);
  check_upstream(source, needs);
  FileInfo info = summarise(source, overrides);
  if (info.problem.causal) check_causal(source);
  return info;
}

/// The parts of FileInfo that every rank is to be told, path aside.
struct Message {
  DType dtype = DType::f32;
  Problem problem;
  bool has_upstream = false, has_target = false;
  std::int64_t bytes = 0;
};
static_assert(std::is_trivially_copyable_v<Message>);

std::string encode(const FileInfo& info) {
  const Message fixed{info.dtype, info.problem, info.has_upstream, info.has_target, info.bytes};
  std::string text(reinterpret_cast<const char*>(&fixed), sizeof(Message));
  text.append(reinterpret_cast<const char*>(info.leading.data()), info.leading.size() * sizeof(std::int64_t));
  return text;
}

FileInfo decode(const std::string& path, const std::string& text) {
  Message fixed;
  std::memcpy(&fixed, text.data(), sizeof(Message));
  FileInfo info{path, {}, fixed.dtype, fixed.problem, fixed.has_upstream, fixed.has_target, fixed.bytes};
  info.leading.resize((text.size() - sizeof(Message)) / sizeof(std::int64_t));
  if (!info.leading.empty())
    std::memcpy(info.leading.data(), text.data() + sizeof(Message), text.size() - sizeof(Message));
  return info;
}

}  // namespace

FileInfo inspect(const Communicator& comm, const std::string& path, Needs needs, const Overrides& overrides) {
  std::string text;
  comm.agree([&] {
    if (comm.rank() == 0) blame_input(path, [&] { text = encode(inspect_here(path, needs, overrides)); });
  });
  return decode(path, comm.broadcast(text));
}

}  // namespace tattn::io
