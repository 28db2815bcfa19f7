#include "cli/validators.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace tattn::cli {
namespace {

double number(const std::string& text) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) ? value : std::numeric_limits<double>::quiet_NaN();
}

/// NaN where `text` is no number with a unit of memory.
double bytes_of(const std::string& text) {
  const std::size_t digits = text.find_last_of("0123456789.") + 1;  // 0 where there is none
  std::string unit = CLI::detail::to_lower(CLI::detail::trim_copy(text.substr(digits)));
  double bytes = number(CLI::detail::trim_copy(text.substr(0, digits)));
  constexpr std::string_view kUnits = "kmgtpe";
  const std::size_t power = unit.empty() ? std::string::npos : kUnits.find(unit.front());
  if (power != std::string::npos) {
    bytes *= std::pow(1024, power + 1);
    unit.erase(0, unit.size() > 1 && unit[1] == 'i' ? 2 : 1);
  }
  return unit.empty() || unit == "b" ? bytes : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

CLI::Option* file_option(CLI::Option* option) {
  const auto named = [](const std::string& text) {
    return text.empty() ? std::string("is empty: expected the path of a file") : std::string();
  };
  return option->type_name(kFileType)->check(CLI::Validator(named, ""));
}

CLI::Validator finite() {
  return CLI::Validator(
      [](std::string& text) {
        return std::isfinite(number(text)) ? std::string() : fmt::format("'{}' is not a finite number", text);
      },
      "NUMBER");
}

CLI::Validator positive() {
  return CLI::Validator(
      [](std::string& text) {
        const double value = number(text);
        return std::isfinite(value) && value > 0 ? std::string()
                                                 : fmt::format("'{}' is not a number above 0", text);
      },
      "NUMBER > 0");
}

CLI::Validator unsigned_number() {
  return CLI::Validator(
      [](std::string& text) {
        std::uint64_t value = 0;
        const char* end = text.data() + text.size();
        const auto read = std::from_chars(text.data(), end, value);
        return read.ec == std::errc() && read.ptr == end
                   ? std::string()
                   : fmt::format("'{}' is not a whole number from 0 to 2^64 - 1", text);
      },
      "");
}

CLI::Validator memory_size() {
  return CLI::Validator(
      [](std::string& text) {
        const double bytes = bytes_of(text);
        if (!(bytes >= 1 && bytes < 0x1p63))
          return fmt::format("'{}' is not a number of bytes from 1 to 2^63 - 1, as in 800M or 1.5G", text);
        text = std::to_string(static_cast<std::uint64_t>(bytes));
        return std::string();
      },
      "BYTES[K|M|G]");
}

}  // namespace tattn::cli
