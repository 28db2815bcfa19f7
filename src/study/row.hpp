#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tattn/problem.hpp"

namespace tattn::study {

/// One point of a study, a line of its CSV file. What does not apply is empty, never a made-up number.
struct Row {
  std::string kind;
  std::int64_t ranks = 1;
  std::int64_t threads = 1;
  std::int64_t rows = 0;
  std::int64_t dim = 0;
  std::int64_t order = 0;
  std::string method;
  std::optional<std::int64_t> features;
  double spread = 0;  ///< standard deviation of the entries
  std::optional<double> seconds_forward, seconds_gradient, predicted_forward, predicted_gradient;  ///< medians
  std::optional<double> error;  ///< of O; accuracy only
  std::optional<std::int64_t> bytes_communicated;
  bool measured = true;

  // Beyond the columns that the interface names.
  std::string point;                   ///< tells the points of a file apart
  std::optional<std::int64_t> degree;  ///< of a full set
  std::optional<double> entry;         ///< bound: no entry is larger in magnitude
  std::string grid;                    ///< slice groups x sequence blocks x feature groups
  std::int64_t repeats = 0;
  std::optional<double> forward_low, forward_high, gradient_low, gradient_high;  ///< least and most of the repeats
  std::optional<double> seconds_plan;
  std::optional<double> communication_share;  ///< of the time, inside of MPI, waiting for others included
  std::optional<double> measured_error, certified_error;  ///< as the plan tells them
  std::optional<double> error_query;
  std::array<std::optional<double>, kMaxOrder> error_key, error_value;
  std::string options;  ///< what all rows of a file share

  /// Of all that was asked for; measured where it was, else predicted.
  [[nodiscard]] std::optional<double> seconds() const;
  bool operator==(const Row&) const = default;
};

/// Names of the columns, and a row as they order it. No field may hold a comma or a line's end.
[[nodiscard]] std::string header();
[[nodiscard]] std::string to_line(const Row& row);

/// The row of a line; nothing where the line is no whole row.
[[nodiscard]] std::optional<Row> from_line(const std::string& line);

}  // namespace tattn::study
