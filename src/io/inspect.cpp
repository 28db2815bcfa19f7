#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "io/dataset_shape.hpp"
#include "io/input_file.hpp"
#include "io/source_file.hpp"

namespace tattn::io {
namespace {

/// What the datasets of an operand file claim.
struct Claims {
  Dataset query;
  std::vector<Dataset> keys, values;
  std::optional<Dataset> upstream, target;
};

/// The highest number of a K or V; nothing below it may be missing.
int find_order(const SourceFile& source) {
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

Claims describe_operands(const SourceFile& source) {
  Claims found;
  found.query = source.require("Q", "an operand file has Q, K1 to Kt and V1 to Vt");
  const int order = find_order(source);
  if (order == 0) refuse_dataset(source.path, "K1", "is missing: an operand file has Q, K1 to Kt and V1 to Vt");
  for (int u = 1; u <= order; ++u) {
    found.keys.push_back(source.describe(numbered('K', u)));
    found.values.push_back(source.describe(numbered('V', u)));
  }
  if (source.has("dO")) found.upstream = source.describe("dO");
  if (source.has("E")) found.target = source.describe("E");
  return found;
}

void same_slices(const SourceFile& source, const Dataset& dataset, const Dataset& query) {
  if (dataset.leading() != query.leading())
    refuse_dataset(source.path, dataset.name,
                   fmt::format("has shape {}, but Q has {}: the leading dimensions (batch, heads) must be the same",
                               format_dims(dataset.dims), format_dims(query.dims)));
}

void check_keys_and_values(const SourceFile& source, const Claims& found) {
  for (std::size_t u = 0; u < found.keys.size(); ++u) {
    const Dataset &key = found.keys[u], &value = found.values[u];
    for (const Dataset* dataset : {&key, &value}) {
      same_type(source.path, *dataset, found.query);
      same_slices(source, *dataset, found.query);
    }
    same_columns(source.path, key, found.query, "keys and queries must share the key dim");
    same_columns(source.path, value, found.values[0], "values must share the value dim");
    same_rows(source.path, value, key, "a key and its value must have the same number of rows");
  }
}

void check_output_shaped(const SourceFile& source, const Claims& found, const Dataset& dataset) {
  same_type(source.path, dataset, found.query);
  same_slices(source, dataset, found.query);
  same_rows(source.path, dataset, found.query, "the output has a row for each query");
  same_columns(source.path, dataset, found.values[0], "the output has the value dim");
}

void check_upstream(const SourceFile& source, const Claims& found, Needs needs) {
  if (found.upstream && found.target)
    refuse_dataset(source.path, "dO",
                   "is there and so is 'E': expected one of them, the upstream gradient or a target");
  if (found.upstream) check_output_shaped(source, found, *found.upstream);
  if (found.target) check_output_shaped(source, found, *found.target);
  if (needs == Needs::upstream && !found.upstream && !found.target)
    refuse_dataset(source.path, "dO", "is missing, and 'E' too: a gradient needs an upstream gradient or a target");
}

FileInfo summarise(const SourceFile& source, const Claims& found, const Overrides& overrides) {
  FileInfo info;
  info.path = source.path;
  info.bytes = source.bytes;
  info.leading = found.query.leading();
  info.dtype = found.query.dtype;
  info.has_upstream = found.upstream.has_value();
  info.has_target = found.target.has_value();
  Shape& shape = info.problem.shape;
  shape.order = static_cast<int>(found.keys.size());
  for (const std::int64_t extent : info.leading) shape.slices *= extent;
  shape.rows = found.query.rows();
  for (std::size_t u = 0; u < found.keys.size(); ++u) shape.key_rows[u] = found.keys[u].rows();
  shape.dim = found.query.columns();
  shape.value_dim = found.values[0].columns();
  info.problem.scale = choose_scale(source, overrides, shape.dim);
  info.problem.causal = choose_causal(source, overrides);
  return info;
}

FileInfo inspect_operands(const SourceFile& source, Needs needs, const Overrides& overrides) {
  const Claims found = describe_operands(source);
  check_keys_and_values(source, found);
  check_upstream(source, found, needs);
  FileInfo info = summarise(source, found, overrides);
  if (info.problem.causal)
    for (const Dataset& key : found.keys)
      same_rows(source.path, key, found.query, "causal attention needs as many key rows as query rows");
  return info;
}

FileInfo inspect_here(const std::string& path, Needs needs, const Overrides& overrides) {
  const SourceFile source{path, check_input_file(path), open_input_file(path)};
  return source.has("A1") ? inspect_problem(source, overrides) : inspect_operands(source, needs, overrides);
}

/// The parts of FileInfo that every rank is to be told, path aside.
struct Message {
  DType dtype = DType::f32;
  Problem problem;
  bool has_upstream = false, has_target = false;
  std::int64_t bytes = 0, model_dim = 0;
};
static_assert(std::is_trivially_copyable_v<Message>);

std::string encode(const FileInfo& info) {
  const Message fixed{info.dtype, info.problem, info.has_upstream, info.has_target, info.bytes, info.model_dim};
  std::string text(reinterpret_cast<const char*>(&fixed), sizeof(Message));
  text.append(reinterpret_cast<const char*>(info.leading.data()), info.leading.size() * sizeof(std::int64_t));
  return text;
}

FileInfo decode(const std::string& path, const std::string& text) {
  Message fixed;
  std::memcpy(&fixed, text.data(), sizeof(Message));
  FileInfo info{path,           {}, fixed.dtype, fixed.problem, fixed.has_upstream, fixed.has_target, fixed.bytes,
                fixed.model_dim};
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
