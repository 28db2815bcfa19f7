#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli11_fwd.hpp"
#include "cli/progress.hpp"
#include "cli/validators.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "plan/grid.hpp"
#include "tattn/options.hpp"

namespace tattn::cli {

inline constexpr int kMostThreads = 1024;     ///< of a rank; far more than that are beyond OpenMP
inline constexpr int kMostRanks = 1'000'000;  ///< to plan for: the time of it grows with them

/// The options that forward, gradient and verify share.
struct CommonOptions {
  std::string method = "auto";
  double tolerance = 1e-3;
  std::string error_mode = "measured";
  std::optional<std::int64_t> degree, features;
  std::string grid;        ///< S,F
  std::string heavy_rows;  ///< H_q,H_1,..
  std::optional<double> scale;
  bool causal = false;
  std::optional<int> threads;
  std::optional<std::uint64_t> memory;
  bool reproducible = false;
  bool force = false;
  std::string report;
  bool quiet = false;
  ProgressMode progress = ProgressMode::automatic;

  [[nodiscard]] io::Overrides overrides() const { return {scale, causal}; }
};

void add_common_options(CLI::App& command, CommonOptions& options);

/// Throws Error(Status::usage) for what this version does not have and for what does not go together.
void refuse_what_is_missing(int ranks, const CommonOptions& options);

/// The grid of --grid S,F, the slice groups being as many as the ranks leave room for; none without the option.
/// Throws Error(Status::usage) when S*F does not divide the ranks.
[[nodiscard]] std::optional<plan::Grid> fixed_grid(int ranks, const CommonOptions& options);

/// Throws Error(Status::usage) when the method that is asked for does not do problems like this one.
void refuse_what_method_cannot(const CommonOptions& options, const io::FileInfo& info);

/// "4,0,16": heavy rows of Q, K_1, ..
[[nodiscard]] std::string heavy_rows_text(const std::vector<std::int64_t>& counts);

/// "exact", "polynomial" or "dense".
[[nodiscard]] std::string method_name(Method method);

/// A figure in two digits, or "none".
[[nodiscard]] std::string figure(const std::optional<double>& value);

/// 80 % of the memory that is free on a node, shared by its ranks; the smallest over the nodes. Collective.
[[nodiscard]] std::int64_t share_of_free_memory(const Communicator& comm);

/// The library's options: defaults filled in, the same on every rank. Collective.
[[nodiscard]] Options library_options(const Communicator& comm, const CommonOptions& options);

}  // namespace tattn::cli
