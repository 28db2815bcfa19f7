#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cli/common_options.hpp"
#include "cli/shape_options.hpp"
#include "cli/study_measure.hpp"
#include "cli/study_table.hpp"
#include "plan/machine.hpp"

namespace tattn::cli {

inline constexpr std::int64_t kFewestRows = 64;  ///< of the study length

/// The command line of `tattn study KIND OUT.csv`.
struct StudyOptions {
  std::string kind, output;
  std::optional<std::int64_t> rows;
  ShapeOptions shape{.dim = 8, .spread = 0.5};
  int repeats = 3;
  double time_limit = 10;
  std::optional<int> predict_ranks;
  std::optional<std::int64_t> predict_rows;
  std::string machine;  ///< file that describes the one to predict for; empty: this one
  CommonOptions common;
};

/// A problem of so many query rows. Throws Error(Status::usage) for options that do not fit together.
[[nodiscard]] Problem study_problem(const StudyOptions& options, std::int64_t rows);

/// A study as its kinds see it: points are looked up, or measured and written.
class Study {
 public:
  Study(const Communicator& comm, const StudyOptions& options);

  /// All of them are collective and add their points to the table.
  void length();
  void scaling(bool weak);
  void accuracy();
  void bound();

  [[nodiscard]] const StudyTable& table() const { return table_; }

 private:
  /// Numbers, method and features of one point; what differs from the options.
  struct Wanted {
    std::string point;
    int ranks = 1;
    Problem problem;
    Options library;
    std::optional<double> entry;
    bool errors = false;
    bool may_be_refused = false;  ///< then a row without figures says so
  };

  [[nodiscard]] Options library(Method method) const;
  [[nodiscard]] bool wants(Method method) const;
  study::Row at(const Wanted& wanted);
  [[nodiscard]] study::Row measured(const Communicator& part, const Wanted& wanted) const;
  study::Row predicted(const std::string& point, const Problem& problem, const study::Row& like, int ranks);
  [[nodiscard]] plan::Rates rates(int ranks);
  [[nodiscard]] Problem problem_on(int ranks, bool weak, Method method) const;
  [[nodiscard]] study::Row like(Method method) const;
  double exact_seconds(const Problem& problem, double entry);
  void say(const study::Row& row) const;

  const Communicator& comm_;
  const StudyOptions& options_;
  Options library_;
  std::optional<plan::Machine> machine_;  ///< that predictions are for; none: this one
  StudyTable table_;
  std::optional<plan::Rates> rates_;  ///< of this machine, when a prediction needed them
  double core_flops_ = 0;             ///< of this machine, where another is predicted
};

}  // namespace tattn::cli
