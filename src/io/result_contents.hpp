#pragma once
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn::io {

/// What a result file says of itself.
struct ResultContents {
  std::vector<std::string> datasets;  ///< names in the root
  std::optional<double> scale;        ///< with which it was made
  std::optional<bool> causal;
  std::optional<double> loss;

  [[nodiscard]] bool has(const std::string& dataset) const;
};

/// Looks into `path` on rank 0 and tells every rank. Collective. Throws Error(Status::input), the same on
/// every rank, when it is not a readable HDF5 file.
[[nodiscard]] ResultContents inspect_result(const Communicator& comm, const std::string& path);

}  // namespace tattn::io
