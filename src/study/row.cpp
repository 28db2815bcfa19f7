#include "study/row.hpp"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace tattn::study {
namespace {

/// Calls visit(name, field) for every column.
template <class AnyRow, class Visit>
void for_each_column(AnyRow& row, const Visit& visit) {
  visit("kind", row.kind);
  visit("ranks", row.ranks);
  visit("threads", row.threads);
  visit("rows", row.rows);
  visit("dim", row.dim);
  visit("order", row.order);
  visit("method", row.method);
  visit("features", row.features);
  visit("spread", row.spread);
  visit("seconds_forward", row.seconds_forward);
  visit("seconds_gradient", row.seconds_gradient);
  visit("predicted_forward", row.predicted_forward);
  visit("predicted_gradient", row.predicted_gradient);
  visit("error", row.error);
  visit("bytes_communicated", row.bytes_communicated);
  visit("measured", row.measured);
  visit("point", row.point);
  visit("degree", row.degree);
  visit("entry", row.entry);
  visit("grid", row.grid);
  visit("repeats", row.repeats);
  visit("forward_low", row.forward_low);
  visit("forward_high", row.forward_high);
  visit("gradient_low", row.gradient_low);
  visit("gradient_high", row.gradient_high);
  visit("seconds_plan", row.seconds_plan);
  visit("communication_share", row.communication_share);
  visit("measured_error", row.measured_error);
  visit("certified_error", row.certified_error);
  visit("error_dQ", row.error_query);
  for (std::size_t u = 0; u < row.error_key.size(); ++u) visit(fmt::format("error_dK{}", u + 1), row.error_key[u]);
  for (std::size_t u = 0; u < row.error_value.size(); ++u)
    visit(fmt::format("error_dV{}", u + 1), row.error_value[u]);
  visit("options", row.options);
}

std::string text(const std::string& value) {
  return value;
}
std::string text(bool value) {
  return value ? "1" : "0";
}
std::string text(std::int64_t value) {
  return fmt::format("{}", value);
}
std::string text(double value) {
  return fmt::format("{}", value);
}
template <class T>
std::string text(const std::optional<T>& value) {
  return value ? text(*value) : std::string();
}

bool parse(const std::string& text, std::string& value) {
  value = text;
  return true;
}
template <class T>
bool parse_number(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}
bool parse(const std::string& text, std::int64_t& value) {
  return parse_number(text, value);
}
bool parse(const std::string& text, double& value) {
  return parse_number(text, value);
}
bool parse(const std::string& text, bool& value) {
  value = text == "1";
  return text == "1" || text == "0";
}
template <class T>
bool parse(const std::string& text, std::optional<T>& value) {
  if (text.empty()) return true;
  return parse(text, value.emplace());
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result{""};
  for (const char c : line) {
    if (c == ',')
      result.emplace_back();
    else
      result.back() += c;
  }
  return result;
}

}  // namespace

std::optional<double> Row::seconds() const {
  const auto& forward = measured ? seconds_forward : predicted_forward;
  const auto& gradient = measured ? seconds_gradient : predicted_gradient;
  if (!forward) return std::nullopt;
  return *forward + gradient.value_or(0);
}

std::string header() {
  std::string line;
  const Row row;
  for_each_column(row, [&](const std::string& name, const auto&) { line += (line.empty() ? "" : ",") + name; });
  return line;
}

std::string to_line(const Row& row) {
  std::string line;
  for_each_column(row, [&](const std::string&, const auto& field) { line += text(field) + ','; });
  line.pop_back();
  return line;
}

std::optional<Row> from_line(const std::string& line) {
  const std::vector<std::string> words = fields(line);
  Row row;
  std::size_t column = 0;
  bool whole = true;
  for_each_column(row, [&](const std::string&, auto& field) {
    whole = column < words.size() && parse(words[column], field) && whole;
    ++column;
  });
  if (!whole || column != words.size()) return std::nullopt;
  return row;
}

}  // namespace tattn::study
