#pragma once
#include <cstdint>
#include <vector>

#include "method/decide.hpp"
#include "plan/cost_model.hpp"
#include "plan/heavy_rows.hpp"

namespace tattn::method {

/// What the methods would take on so many ranks of a machine: src/plan's formulas for one problem, its options and
/// setting. Those must outlive it. No MPI, not collective.
class Predictor {
 public:
  /// `element_bytes` of an operand's entry.
  Predictor(const Problem& problem, const Options& options, const Setting& setting, int element_bytes);

  int ranks = 1;  ///< that costs are of
  plan::Rates rates;

  [[nodiscard]] Cost exact(plan::Pass pass) const;
  /// Flops and memory: nothing is known of ScaLAPACK's rate here.
  [[nodiscard]] Cost dense(plan::Pass pass) const;
  /// Heavy rows by the exact method, the light ones by the polynomial of so many features a group. in_double: float
  /// passes of the latter on copies in double.
  [[nodiscard]] Cost split(plan::Pass pass, const plan::HeavyCounts& heavy, const plan::Grid& grid,
                           const std::vector<std::int64_t>& features, bool in_double) const;

  // Seconds of all passes that are asked for.
  [[nodiscard]] double exact_seconds() const;
  [[nodiscard]] double split_seconds(std::int64_t features, const plan::HeavyCounts& heavy, bool in_double) const;

  /// Seconds of one search, a run.
  [[nodiscard]] double search_seconds(std::int64_t features, const plan::HeavyCounts& heavy) const;
  /// Seconds a run that are spent before anything is found at all: rates, samples, and small sets for nothing heavy
  /// and for many heavy rows.
  [[nodiscard]] double first_searches() const;

  /// The largest set that beside these heavy rows takes less than `below` seconds, the search for it included; 0
  /// where none does.
  [[nodiscard]] std::int64_t most_features(const plan::HeavyCounts& heavy, double below) const;

  /// How the polynomial method spreads over the ranks.
  [[nodiscard]] plan::Grid grid_for(std::int64_t features) const;

 private:
  template <class Of>
  [[nodiscard]] double seconds(const Of& of) const;
  [[nodiscard]] Problem part(const plan::HeavyCounts& heavy, const plan::TuplePart& tuples) const;

  const Problem& problem_;
  const Options& options_;
  const Setting& setting_;
  int bytes_;
};

}  // namespace tattn::method
