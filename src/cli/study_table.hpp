#pragma once
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "study/row.hpp"

namespace tattn::cli {

/// The CSV file of a study: rows that are there are kept, new ones are written as they are made, and a line that a
/// killed run left half-written is cut off. Every rank knows all rows; rank 0 has the file. Members are collective,
/// but for those that only look.
class StudyTable {
 public:
  /// Throws Error(Status::usage) when `path` cannot be written, is no study's, or is of another kind or of other
  /// options; with `force` it starts anew in the latter two cases and keeps no row.
  StudyTable(const Communicator& comm, std::string path, const std::string& kind, std::string options, bool force);

  /// The row of a point, if it is there. Not collective.
  [[nodiscard]] std::optional<study::Row> find(const std::string& point) const;
  [[nodiscard]] const std::vector<study::Row>& rows() const { return rows_; }  ///< not collective

  /// Writes rank 0's row, with the table's kind and options in it, and flushes.
  void append(study::Row row);

 private:
  void take(const std::string& text);
  void start(const std::string& text, bool force);

  const Communicator& comm_;
  std::string path_, kind_, options_;
  std::vector<study::Row> rows_;
};

}  // namespace tattn::cli
