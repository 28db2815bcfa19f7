#pragma once
#include <array>
#include <optional>
#include <vector>

#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "io/result_file.hpp"
#include "training/problem.hpp"

namespace tattn::io {

/// The sizes of an inspected problem file.
[[nodiscard]] training::TrainingProblem training_problem(const FileInfo& info);

/// What a rank holds of a problem file: its rows of A1.. and E, and all weights.
template <class T>
struct ProblemData {
  training::ProblemRows<T> rows;
  std::vector<double> weights;  ///< as training::weight_views says
};

/// Reads rows `query_rows` of A1 and E and `key_rows`, or an even share, of the other A's, and every weight whole,
/// with collective reads; refuses NaN and Inf. Collective; T must be info.dtype. Throws Error(Status::input), the
/// same on every rank.
template <class T>
[[nodiscard]] ProblemData<T> read_problem(const Communicator& comm, const FileInfo& info, RowRange query_rows,
                                          const std::optional<std::array<RowRange, kMaxOrder>>& key_rows = {});

/// Writes one dataset a weight from a flat array: "X1", .. with `prefix` "", "dX1", .. with "d"; in the type of the
/// file. The same array on every rank. Collective.
void write_weights(const Communicator& comm, ResultFile& file, const FileInfo& info, const std::string& prefix,
                   const std::vector<double>& weights);

/// Writes a replicated matrix in the type of the file. Collective.
void write_matrix(const Communicator& comm, ResultFile& file, DType dtype, const std::string& name,
                  std::int64_t rows, std::int64_t columns, const double* entries);

}  // namespace tattn::io
