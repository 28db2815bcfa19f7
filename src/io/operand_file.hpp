#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "io/dataset_shape.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::io {

enum class DType { f32, f64 };

/// What an operand file or a problem file claims, checked for consistency but without reading the entries.
struct FileInfo {
  std::string path;
  std::vector<std::int64_t> leading;  ///< leading dimensions (batch, heads), may be empty
  DType dtype = DType::f32;
  Problem problem;             ///< scale defaults to 1 / dim; causal to false
  bool has_upstream = false;   ///< dO is there
  bool has_target = false;     ///< E is there
  std::int64_t bytes = 0;      ///< size of the file
  std::int64_t model_dim = 0;  ///< a, of a problem file: `problem` is that of the projected operands then; else 0

  [[nodiscard]] bool is_problem() const { return model_dim > 0; }
};

/// What a command needs of the file beyond Q, K and V.
enum class Needs { operands, upstream };

/// Command-line values that win over the file's attributes.
struct Overrides {
  std::optional<double> scale;
  bool causal = false;
};

/// Opens and checks `path` on rank 0 and tells every rank. Collective. Throws Error(Status::input), the
/// same on every rank, with one line that names the file, the dataset, what was found and expected; and
/// Error(Status::usage) for an override that is not finite.
[[nodiscard]] FileInfo inspect(const Communicator& comm, const std::string& path, Needs needs,
                               const Overrides& overrides);

/// Owner of this rank's rows of every operand; views() is what the methods take.
template <class T>
struct OperandRows {
  RowRange query_rows;
  std::array<RowRange, kMaxOrder> key_rows;
  std::vector<T> query;
  std::array<std::vector<T>, kMaxOrder> key, value;
  std::vector<T> upstream;  ///< dO, or E; empty if not asked for
  bool has_target = false;  ///< it is E, and dO not known before O

  [[nodiscard]] Operands<T> views() const;
};

/// Reads this rank's rows, `query_rows` of Q and dO (or E) and `key_rows`, or an even share, of each K_u and V_u,
/// with collective reads, and refuses NaN and Inf (names the dataset and the first such row). Of a problem file it
/// gives the projected operands. Collective; T must be info.dtype. Throws Error(Status::input), the same on every
/// rank.
template <class T>
[[nodiscard]] OperandRows<T> read_operands(const Communicator& comm, const FileInfo& info, RowRange query_rows,
                                           Needs needs,
                                           const std::optional<std::array<RowRange, kMaxOrder>>& key_rows = {});

/// Flattened rows `mine` of one dataset of type T, e.g. "O" of a result. Collective; the ranges of the ranks may
/// overlap or be empty. With `expected` the dataset must have just that shape; without it is taken to be
/// (..., rows, columns). Throws Error(Status::input), the same on every rank. Accepts NaN and Inf.
template <class T>
[[nodiscard]] std::vector<T> read_rows(const Communicator& comm, const std::string& path,
                                       const std::string& dataset, RowRange mine,
                                       const std::optional<DatasetShape>& expected = std::nullopt);

}  // namespace tattn::io
