#include "study/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tattn::study {
namespace {

constexpr double kSettled = 2e-3;   // seconds from which on the work is most of the time
constexpr std::size_t kFitted = 6;  // points at the end of a curve

std::string cell(const std::optional<double>& value, const char* format = "{:.3g}") {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

std::string count(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

std::string predicted(const Row& row) {
  return row.predicted_forward ? cell(*row.predicted_forward + row.predicted_gradient.value_or(0)) : "-";
}

/// Rows of cells, each column as wide as its widest cell.
std::string table(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c)
      text += fmt::format("{:>{}}", line[c], widths[c] + (c == 0 ? 2 : 3));
    text += '\n';
  }
  return text;
}

std::string law(const std::string& method, const std::vector<Row>& rows) {
  const auto fit = fit_power(tail(seconds_over_rows(rows, method, true), kSettled, kFitted));
  return fit ? fmt::format("{}: {:.3g} s * rows^{:.2f}\n", method, fit->factor, fit->exponent) : "";
}

/// From how many rows on the polynomial is faster, with the time of choosing its features or without.
std::string crossover_text(const std::vector<Row>& rows, bool with_plan) {
  const auto exact = seconds_over_rows(rows, "exact", true);
  auto polynomial = seconds_over_rows(rows, "polynomial", true);
  if (with_plan)
    for (Measurement& point : polynomial)
      for (const Row& row : rows)
        if (row.method == "polynomial" && static_cast<double>(row.rows) == point.x)
          point.y += row.seconds_plan.value_or(0);
  const auto at = crossover(exact, polynomial);
  const char* what = with_plan ? "with the choice of features " : "";
  if (at) return fmt::format("{}polynomial is faster from {:.0f} rows on\n", what, *at);
  if (exact.empty() || polynomial.empty()) return "";
  const bool always = exact.front().y > polynomial.front().y;
  return fmt::format(
      "{}{}\n", what,
      always ? "polynomial is faster at all rows measured" : "exact is faster up to the most rows measured");
}

std::string length_text(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{
      {"rows", "ranks", "method", "features", "forward s", "gradient s", "predicted s", ""}};
  for (const Row& row : rows) {
    lines.push_back({std::to_string(row.rows), std::to_string(row.ranks), row.method, count(row.features),
                     cell(row.seconds_forward), cell(row.seconds_gradient), predicted(row),
                     !row.measured         ? "predicted"
                     : row.seconds_forward ? ""
                                           : "refused"});
  }
  std::string text = table(lines) + law("exact", rows) + law("polynomial", rows);
  return text + crossover_text(rows, false) + crossover_text(rows, true);
}

std::string scaling_text(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{
      {"ranks", "rows", "method", "features", "seconds", "efficiency", "communication", "grid", ""}};
  for (const Row& row : rows)
    lines.push_back({std::to_string(row.ranks), std::to_string(row.rows), row.method, count(row.features),
                     cell(row.seconds()), cell(efficiency(rows, row), "{:.2f}"),
                     cell(row.communication_share, "{:.2f}"), row.grid, row.measured ? "measured" : "predicted"});
  return table(lines);
}

std::string accuracy_text(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{
      {"set", "features", "error of O", "dQ", "dK1", "dV1", "told: measured", "certified"}};
  for (const Row& row : rows)
    lines.push_back({row.degree ? fmt::format("degree <= {}", *row.degree) : "measured", count(row.features),
                     cell(row.error, "{:.1e}"), cell(row.error_query, "{:.1e}"), cell(row.error_key[0], "{:.1e}"),
                     cell(row.error_value[0], "{:.1e}"), cell(row.measured_error, "{:.1e}"),
                     cell(row.certified_error, "{:.1e}")});
  return table(lines);
}

std::string bound_text(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{
      {"order", "B", "B / log(n)^(1/(t+1))", "method", "features", "forward s", "gradient s", ""}};
  for (const Row& row : rows) {
    const double threshold =
        std::pow(std::log(static_cast<double>(row.rows)), 1 / (static_cast<double>(row.order) + 1));
    const std::string share = row.entry ? cell(*row.entry / threshold) : "-";
    lines.push_back({std::to_string(row.order), cell(row.entry), share, row.method, count(row.features),
                     cell(row.measured ? row.seconds_forward : row.predicted_forward),
                     cell(row.measured ? row.seconds_gradient : row.predicted_gradient),
                     !row.measured         ? "predicted"
                     : row.seconds_forward ? ""
                                           : "refused"});
  }
  return table(lines);
}

}  // namespace

std::vector<Measurement> seconds_over_rows(const std::vector<Row>& rows, const std::string& method, bool measured) {
  std::vector<Measurement> result;
  for (const Row& row : rows)
    if (row.method == method && row.measured == measured && row.seconds())
      result.push_back({static_cast<double>(row.rows), *row.seconds()});
  std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  return result;
}

std::optional<double> efficiency(const std::vector<Row>& rows, const Row& row) {
  const Row* base = nullptr;
  for (const Row& other : rows)
    if (other.measured == row.measured && other.method == row.method && other.seconds() &&
        (base == nullptr || other.ranks < base->ranks))
      base = &other;
  if (base == nullptr || !row.seconds()) return std::nullopt;
  const double ranks = row.kind == "strong" ? static_cast<double>(row.ranks) / static_cast<double>(base->ranks) : 1;
  return *base->seconds() / (*row.seconds() * ranks);
}

std::string summary(const std::string& kind, const std::vector<Row>& rows) {
  if (kind == "length") return length_text(rows);
  if (kind == "accuracy") return accuracy_text(rows);
  if (kind == "bound") return bound_text(rows);
  return scaling_text(rows);
}

}  // namespace tattn::study
