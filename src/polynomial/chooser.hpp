#pragma once
#include <optional>
#include <span>
#include <string>

#include "polynomial/choose.hpp"
#include "polynomial/measured_search.hpp"
#include "polynomial/set_trials.hpp"

namespace tattn::polynomial {

/// The part of a choice that rank 0 makes on its own: no communication in here.
template <class T>
class Chooser {
 public:
  /// `candidates`: see HeavyCandidates::heavy.
  Chooser(const FeatureRequest& request, std::int64_t dim, SetTrials<T>& trials,
          std::span<const Candidate> candidates, FeatureChoice& choice);

  /// Fills the choice but for its heavy rows, and returns which candidate they are. Throws Error(failed) when
  /// nothing within the limits meets the tolerance.
  std::size_t choose();

 private:
  /// A certified set of all monomials up to a degree.
  struct Certified {
    std::size_t candidate;
    int degree;
    bool in_double;
    double seconds;  ///< predicted; 0 where the costs are not known
  };

  [[noreturn]] void refuse(const std::string& why) const;
  [[noreturn]] void refuse_size(int degree, const std::optional<std::int64_t>& count) const;
  [[noreturn]] void refuse_certified() const;
  void use(std::size_t candidate);
  void full_set(int degree);
  void certified();
  void fixed_count(std::int64_t count);
  void measured();
  [[nodiscard]] std::optional<plan::ExpPolynomial> certifying(double score_bound) const;
  [[nodiscard]] std::optional<Certified> certify(std::size_t candidate) const;

  const FeatureRequest& request_;
  std::int64_t dim_;
  SetTrials<T>& trials_;
  std::span<const Candidate> candidates_;
  FeatureChoice& choice_;
  std::size_t chosen_ = 0;  ///< the candidate found
};

}  // namespace tattn::polynomial
