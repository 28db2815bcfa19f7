#include <fmt/format.h>

#include <cstring>

#include "io/checked_reader.hpp"
#include "io/dataset.hpp"
#include "io/dataset_read.hpp"
#include "io/input_file.hpp"
#include "io/operand_file.hpp"
#include "io/problem_file.hpp"
#include "tattn/error.hpp"
#include "training/projection.hpp"

namespace tattn::io {
namespace {

/// Q = A1 X1, K_u = A(u+1) X(u+1), V_u = A(t+1+u) Y_u, and E.
template <class T>
OperandRows<T> project_operands(const FileInfo& info, ProblemData<T> data, Needs needs) {
  const std::vector<training::WeightView> views = weight_views(training_problem(info));
  const auto times = [&](const std::vector<T>& a, std::size_t weight) {
    const training::WeightView& view = views[weight];
    const auto rows = static_cast<std::int64_t>(a.size()) / view.rows;
    std::vector<T> product(static_cast<std::size_t>(rows * view.columns));
    training::project(a.data(), rows, view.rows, data.weights.data() + view.offset, view.columns, 1,
                      product.data());
    return product;
  };
  OperandRows<T> operands;
  operands.query_rows = data.rows.query_rows;
  operands.key_rows = data.rows.key_rows;
  operands.query = times(data.rows.query, 0);
  const auto order = static_cast<std::size_t>(info.problem.shape.order);
  for (std::size_t u = 0; u < order; ++u) {
    operands.key[u] = times(data.rows.key[u], u + 1);
    operands.value[u] = times(data.rows.value[u], u + 1 + order);
  }
  if (needs == Needs::upstream) operands.upstream = std::move(data.rows.target);
  operands.has_target = true;
  return operands;
}

/// Shape and type of one dataset as rank 0 sees it, told to every rank.
struct Found {
  DatasetShape shape;
  std::int64_t file_bytes = 0;
};

Found find_dataset(const Communicator& comm, const std::string& path, const std::string& name, bool has_columns) {
  std::vector<std::int64_t> facts;  // bytes of the file, then the dims
  std::string text;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    blame_input(path, [&] {
      facts = {check_input_file(path)};
      const Handle file = open_input_file(path);
      const Dataset dataset = describe_dataset(path, facts[0], file.get(), name, has_columns ? 2 : 1);
      facts.insert(facts.end(), dataset.dims.begin(), dataset.dims.end());
    });
    text.assign(reinterpret_cast<const char*>(facts.data()), facts.size() * sizeof(std::int64_t));
  });
  text = comm.broadcast(text);
  facts.resize(text.size() / sizeof(std::int64_t));
  std::memcpy(facts.data(), text.data(), text.size());

  Found found{{}, facts[0]};
  if (has_columns) {
    found.shape.columns = facts.back();
    facts.pop_back();
  }
  found.shape.rows = facts.back();
  found.shape.leading.assign(facts.begin() + 1, facts.end() - 1);
  return found;
}

}  // namespace

template <class T>
Operands<T> OperandRows<T>::views() const {
  Operands<T> result;
  result.query = {query.data(), query_rows};
  for (std::size_t u = 0; u < key.size(); ++u) {
    result.key[u] = {key[u].data(), key_rows[u]};
    result.value[u] = {value[u].data(), key_rows[u]};
  }
  if (!has_target && !upstream.empty()) result.upstream = upstream.data();
  return result;
}

template <class T>
OperandRows<T> read_operands(const Communicator& comm, const FileInfo& info, RowRange query_rows, Needs needs,
                             const std::optional<std::array<RowRange, kMaxOrder>>& key_rows) {
  if (info.is_problem()) return project_operands(info, read_problem<T>(comm, info, query_rows, key_rows), needs);
  const Shape& shape = info.problem.shape;
  const CheckedReader reader(comm, info);
  OperandRows<T> operands;
  operands.has_target = info.has_target;
  operands.query_rows = query_rows;
  operands.query = reader.read<T>("Q", shape.rows, shape.dim, query_rows);
  for (int number = 1; number <= shape.order; ++number) {
    const auto u = static_cast<std::size_t>(number - 1);
    const RowRange mine =
        key_rows ? (*key_rows)[u] : even_range(shape.total_key_rows(number - 1), comm.size(), comm.rank());
    operands.key_rows[u] = mine;
    operands.key[u] = reader.read<T>(fmt::format("K{}", number), shape.key_rows[u], shape.dim, mine);
    operands.value[u] = reader.read<T>(fmt::format("V{}", number), shape.key_rows[u], shape.value_dim, mine);
  }
  if (needs == Needs::upstream)
    operands.upstream = reader.read<T>(info.has_target ? "E" : "dO", shape.rows, shape.value_dim, query_rows);
  return operands;
}

template <class T>
std::vector<T> read_rows(const Communicator& comm, const std::string& path, const std::string& dataset,
                         RowRange mine, const std::optional<DatasetShape>& expected) {
  const Found found = find_dataset(comm, path, dataset, !expected || expected->columns != 0);
  const DatasetShape& shape = expected ? *expected : found.shape;
  const Handle file = open_collective(comm, path, found.file_bytes);
  std::vector<T> entries;
  comm.agree([&] {
    if (shape.dims() != found.shape.dims())
      refuse_dataset(
          path, dataset,
          fmt::format("has shape {}, expected {}", format_dims(found.shape.dims()), format_dims(shape.dims())));
    entries.resize(static_cast<std::size_t>(mine.size() * shape.row_entries()));
  });
  read_dataset(comm, file.get(), path, dataset, shape, mine, entries.data());
  return entries;
}

template struct OperandRows<float>;
template struct OperandRows<double>;
template OperandRows<float> read_operands(const Communicator&, const FileInfo&, RowRange, Needs,
                                          const std::optional<std::array<RowRange, kMaxOrder>>&);
template OperandRows<double> read_operands(const Communicator&, const FileInfo&, RowRange, Needs,
                                           const std::optional<std::array<RowRange, kMaxOrder>>&);
template std::vector<float> read_rows(const Communicator&, const std::string&, const std::string&, RowRange,
                                      const std::optional<DatasetShape>&);
template std::vector<double> read_rows(const Communicator&, const std::string&, const std::string&, RowRange,
                                       const std::optional<DatasetShape>&);

}  // namespace tattn::io
