#pragma once
#include <mpi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn {

namespace plan {
struct Walk;
struct HeavyRows;
}  // namespace plan

/// What one pass is predicted to take; a figure that is not known is empty, as seconds and bytes sent of the dense
/// method. Bytes are those of the rank that has most.
struct Cost {
  std::optional<double> seconds;
  std::optional<double> flops;                     ///< by the method's formula, over all ranks
  std::optional<std::int64_t> bytes_communicated;  ///< sent
  std::optional<std::int64_t> bytes_memory;
};

/// How a problem will be computed, why, and with what error. Data: the same on every rank; made by make_plan.
struct Plan {
  Method method = Method::exact;
  std::string reason;

  // The polynomial method's.
  std::shared_ptr<const plan::Walk> walk;        ///< its features
  std::shared_ptr<const plan::HeavyRows> heavy;  ///< the rows that are computed exactly beside it; null: none
  std::vector<std::int64_t> heavy_rows;          ///< how many in each slice of Q, K_1, ..; empty: none
  std::optional<std::int64_t> features;
  std::optional<int> degree;              ///< of a full set
  std::optional<double> score_bound;      ///< no score of light rows is larger in magnitude
  std::optional<double> measured_error;   ///< on sampled rows that the features were not chosen on
  std::optional<double> certified_error;  ///< proven for every softmax weight in exact arithmetic
  bool in_double = false;                 ///< rounding in float would miss the tolerance: computed in double

  /// Slice groups x sequence blocks x feature groups of the polynomial method; query blocks alone of the exact one.
  int slice_groups = 0, sequence_blocks = 0, feature_groups = 0;

  Cost forward;
  std::optional<Cost> gradient;  ///< when gradients were asked for
  /// Seconds of all that is asked for by either method, as far as auto compared them.
  std::optional<double> exact_seconds, polynomial_seconds;
};

/// Decides how to compute `problem`: the method that options.method names, or for Method::automatic the one of
/// exact and polynomial with the least predicted seconds that meets options.tolerance, by kernel rates that are
/// measured in a fraction of a second. For the gradients too if `gradients`; then the tolerance is that of the
/// gradients for operands.upstream.
///
/// Collective over `comm`. Throws Error (the same on every rank) with Status::failed when options.method is
/// polynomial and no set of features meets the tolerance.
template <class T>
[[nodiscard]] Plan make_plan(MPI_Comm comm, const Problem& problem, const Operands<T>& operands,
                             const Options& options, bool gradients);

extern template Plan make_plan<float>(MPI_Comm, const Problem&, const Operands<float>&, const Options&, bool);
extern template Plan make_plan<double>(MPI_Comm, const Problem&, const Operands<double>&, const Options&, bool);

}  // namespace tattn
