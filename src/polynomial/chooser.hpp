#pragma once
#include <span>
#include <vector>

#include "plan/feature_search.hpp"
#include "polynomial/choose.hpp"
#include "polynomial/trial.hpp"

namespace tattn::polynomial {

/// Heavy rows that a choice may take.
struct Candidate {
  plan::HeavyCounts heavy{};
  double score_bound = 0;  ///< of the light rows; for a certified choice, and of the first candidate always
};

/// The part of a choice that rank 0 makes on its own: no communication in here.
template <class T>
class Chooser {
 public:
  /// `candidates`: see HeavyCandidates::heavy.
  Chooser(const FeatureRequest& request, std::int64_t dim, std::span<const plan::Sample> search,
          std::span<Trial> trials, std::span<const Candidate> candidates, FeatureChoice& choice);

  /// Fills the choice but for its heavy rows, and returns which candidate they are. Throws Error(failed) when
  /// nothing within the limits meets the tolerance.
  std::size_t choose();

 private:
  struct Failed {
    std::int64_t features;
    double error;
  };
  struct Attempt {
    bool open = true;        ///< more features may help
    std::int64_t tried = 0;  ///< at most so many were tried
    std::vector<Failed> failed;
  };

  /// Numbers of features that do not and that do; 0: none known.
  struct Bracket {
    std::int64_t too_few = 0, enough = 0;
    double error = 0;  ///< of the set tried last
  };

  [[noreturn]] void refuse(const std::string& why) const;
  [[noreturn]] void refuse_size(int degree, const std::optional<std::int64_t>& count) const;
  [[noreturn]] void refuse_certified() const;
  void use(std::size_t candidate);
  void full_set(int degree);
  void certified();
  void fixed_count(std::int64_t count);
  void measured();
  bool attempt(std::size_t candidate, std::int64_t limit);
  [[nodiscard]] Bracket bracket(const plan::FeatureRanking& ranking, std::int64_t known, std::int64_t most);
  [[nodiscard]] std::int64_t next_limit() const;
  void accept(const plan::FeatureRanking& ranking, const Bracket& found);
  [[nodiscard]] std::int64_t most_features(std::size_t candidate) const;
  [[nodiscard]] bool rounding_is_all(const plan::Walk& walk, double error) const;
  [[nodiscard]] std::int64_t smallest_set(const plan::FeatureRanking& ranking, const Bracket& found) const;
  [[nodiscard]] std::optional<plan::ExpPolynomial> certifying(double score_bound) const;
  template <class U>
  [[nodiscard]] double error_in(const plan::Walk& walk) const;
  [[nodiscard]] double error_of(const plan::Walk& walk) const;
  [[nodiscard]] plan::FeatureRanking rank(std::int64_t limit) const;
  [[nodiscard]] double seconds(std::int64_t features, std::size_t candidate, bool in_double) const;

  const FeatureRequest& request_;
  std::int64_t dim_;
  std::span<const plan::Sample> search_;
  std::span<Trial> trials_;
  std::span<const Candidate> candidates_;
  FeatureChoice& choice_;
  double wanted_;  ///< error on the rows that sets are tried on
  std::vector<Attempt> attempts_;
  double least_seconds_;    ///< of what was found
  double best_error_;       ///< of what was not enough
  std::size_t chosen_ = 0;  ///< the candidate found
  bool found_ = false;
  std::size_t current_ = 0;  ///< the candidate in use
  std::vector<plan::Sample> light_search_;
  bool in_double_ = false;
};

}  // namespace tattn::polynomial
