#pragma once
#include <cstdint>
#include <optional>

#include "comm/communicator.hpp"
#include "study/row.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::cli {

/// The numbers of an in-memory problem: those of `tattn generate` with this seed and spread, or uniform in
/// [-entry, entry].
struct Entries {
  std::uint64_t seed = 1;
  double spread = 1;
  std::optional<double> entry;

  [[nodiscard]] double deviation() const;
};

/// What one point of a study takes.
struct MeasureOptions {
  Options library;
  int repeats = 3;
  double time_limit = 10;  ///< no further repeat after so many seconds of them
  bool errors = false;     ///< against the exact method in float64
};

/// Chooses how to compute `problem`, runs forward and gradient once to warm up (a pass longer than a second counts)
/// and then as often as asked, and tells medians and extremes, the slowest rank counting. In type T. Collective;
/// throws Error as make_plan and forward do.
template <class T>
[[nodiscard]] study::Row measure(const Communicator& comm, const Problem& problem, const Entries& entries,
                                 const MeasureOptions& options);

}  // namespace tattn::cli
