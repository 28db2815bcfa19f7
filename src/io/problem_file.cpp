#include "io/problem_file.hpp"

#include "io/checked_reader.hpp"
#include "io/source_file.hpp"

namespace tattn::io {
namespace {

template <class T>
void write_as(const Communicator& comm, ResultFile& file, const std::string& name, std::int64_t rows,
              std::int64_t columns, const double* entries) {
  const std::vector<T> all(entries, entries + rows * columns);
  const RowRange mine = even_range(rows, comm.size(), comm.rank());
  file.dataset(name, {}, rows, columns, mine, all.data() + mine.begin * columns);
}

}  // namespace

training::TrainingProblem training_problem(const FileInfo& info) {
  return {info.problem, info.model_dim};
}

template <class T>
ProblemData<T> read_problem(const Communicator& comm, const FileInfo& info, RowRange query_rows,
                            const std::optional<std::array<RowRange, kMaxOrder>>& key_rows) {
  const Shape& shape = info.problem.shape;
  const std::int64_t a = info.model_dim;
  const CheckedReader reader(comm, info);
  ProblemData<T> data;
  training::ProblemRows<T>& rows = data.rows;
  rows.query_rows = query_rows;
  rows.query = reader.read<T>("A1", shape.rows, a, query_rows);
  for (int u = 0; u < shape.order; ++u) {
    const auto at = static_cast<std::size_t>(u);
    const std::int64_t n = shape.key_rows[at];
    rows.key_rows[at] = key_rows ? (*key_rows)[at] : even_range(n, comm.size(), comm.rank());
    rows.key[at] = reader.read<T>(numbered('A', u + 2), n, a, rows.key_rows[at]);
    rows.value[at] = reader.read<T>(numbered('A', u + 2 + shape.order), n, a, rows.key_rows[at]);
  }
  rows.target = reader.read<T>("E", shape.rows, shape.value_dim, query_rows);
  for (const training::WeightView& view : weight_views(training_problem(info))) {
    const std::vector<T> weight = reader.read<T>(view.name, view.rows, view.columns, {0, view.rows});
    data.weights.insert(data.weights.end(), weight.begin(), weight.end());
  }
  return data;
}

void write_matrix(const Communicator& comm, ResultFile& file, DType dtype, const std::string& name,
                  std::int64_t rows, std::int64_t columns, const double* entries) {
  if (dtype == DType::f32)
    write_as<float>(comm, file, name, rows, columns, entries);
  else
    write_as<double>(comm, file, name, rows, columns, entries);
}

void write_weights(const Communicator& comm, ResultFile& file, const FileInfo& info, const std::string& prefix,
                   const std::vector<double>& weights) {
  for (const training::WeightView& view : weight_views(training_problem(info)))
    write_matrix(comm, file, info.dtype, prefix + view.name, view.rows, view.columns, weights.data() + view.offset);
}

template ProblemData<float> read_problem(const Communicator&, const FileInfo&, RowRange,
                                         const std::optional<std::array<RowRange, kMaxOrder>>&);
template ProblemData<double> read_problem(const Communicator&, const FileInfo&, RowRange,
                                          const std::optional<std::array<RowRange, kMaxOrder>>&);

}  // namespace tattn::io
