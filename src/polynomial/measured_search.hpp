#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "polynomial/choose.hpp"
#include "polynomial/set_trials.hpp"

namespace tattn::polynomial {

/// Heavy rows that a choice may take.
struct Candidate {
  plan::HeavyCounts heavy{};
  double score_bound = 0;  ///< of the light rows; for a certified choice, and of the first candidate always
};

/// Finds heavy rows and features together, by measured errors, for the least predicted seconds. Not collective.
///
/// Searches of few features go over all candidates before searches of more. Where the costs are known, what is
/// spent on searching stays a share of what it may save: of the exact method's seconds while nothing is found, then
/// of the best found.
template <class T>
class MeasuredSearch {
 public:
  struct Found {
    std::size_t candidate = 0;
    plan::Walk walk;
    bool in_double = false;
    double error = 0;    ///< on the rows it was chosen on and those held out, the larger
    double seconds = 0;  ///< predicted
  };

  /// `candidates`: see HeavyCandidates::heavy. All must outlive the search.
  MeasuredSearch(const FeatureRequest& request, std::span<const Candidate> candidates, SetTrials<T>& trials);

  /// None: nothing within the limits meets the tolerance.
  [[nodiscard]] std::optional<Found> run();
  [[nodiscard]] double best_error() const { return best_error_; }  ///< of all sets that were tried
  [[nodiscard]] double wanted() const { return wanted_; }          ///< error on sampled rows

 private:
  struct Failed {
    std::int64_t features;
    double error;
  };
  struct Attempt {
    bool open = true;            ///< more features may help
    std::int64_t tried = 0;      ///< at most so many were tried
    std::vector<Failed> failed;  ///< sets that did not do, ascending; the last two say how errors fall
  };
  enum class Outcome { skipped, failed, met };

  /// Numbers of features that do not and that do; 0: none known.
  struct Bracket {
    std::int64_t too_few = 0, enough = 0;
    bool in_double = false;
    double error = 0;  ///< of this set, which is the one of `enough` once that is known
    plan::Walk walk;
  };

  void round(std::int64_t limit);
  void try_light();
  /// `promised`: it is likely to pay, so no budget limits it.
  Outcome attempt(std::size_t candidate, std::int64_t limit, bool promised = false);
  [[nodiscard]] std::int64_t worth_trying(std::size_t candidate, std::int64_t limit, bool promised);
  [[nodiscard]] double budget(std::int64_t limit) const;
  [[nodiscard]] Bracket bracket(const plan::FeatureRanking& ranking, std::int64_t known, std::int64_t most,
                                std::vector<Failed>& failed);
  void narrow(const plan::FeatureRanking& ranking, std::size_t candidate, Bracket& found) const;
  void confirm(const plan::FeatureRanking& ranking, std::int64_t most, Bracket& found);
  [[nodiscard]] std::int64_t next_limit() const;
  [[nodiscard]] std::int64_t called_for(const Attempt& attempt) const;
  [[nodiscard]] bool any_open() const;
  [[nodiscard]] double least_seconds() const { return found_ ? found_->seconds : request_.most_seconds; }
  [[nodiscard]] double seconds(std::int64_t features, std::size_t candidate, bool in_double) const;

  const FeatureRequest& request_;
  std::span<const Candidate> candidates_;
  SetTrials<T>& trials_;
  double wanted_;
  std::vector<Attempt> attempts_;
  double spent_ = 0;  ///< predicted seconds of the searches so far
  double best_error_;
  std::optional<Found> found_;
};

}  // namespace tattn::polynomial
