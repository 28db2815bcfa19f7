#pragma once
#include <string>
#include <vector>

#include "study/fit.hpp"
#include "study/row.hpp"

namespace tattn::study {

/// Seconds of one method over the rows, ascending; measured or predicted ones.
[[nodiscard]] std::vector<Measurement> seconds_over_rows(const std::vector<Row>& rows, const std::string& method,
                                                         bool measured);

/// How much of the ideal time `row` reaches, against the row of fewest ranks of the same method that is measured as
/// it is: strong, the time of one rank divided by the ranks; weak, the same time. Nothing where there is none.
[[nodiscard]] std::optional<double> efficiency(const std::vector<Row>& rows, const Row& row);

/// What a study found, for a terminal: a table of its points, and what follows from them (length: exponents and the
/// crossover; strong, weak: efficiency; accuracy: error over features; bound: where the polynomial stops paying).
[[nodiscard]] std::string summary(const std::string& kind, const std::vector<Row>& rows);

}  // namespace tattn::study
