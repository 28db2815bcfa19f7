#include "cli/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "cli/paths.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

namespace level = spdlog::level;

std::shared_ptr<spdlog::logger> with_sink(const spdlog::sink_ptr& sink) {
  auto logger = std::make_shared<spdlog::logger>("tattn", sink);
  logger->set_level(level::trace);  // the sinks decide
  return logger;
}

spdlog::sinks::sink& standard_error() {
  return *spdlog::default_logger()->sinks().front();
}

/// Of a rank, in the file.
level::level_enum file_level(int rank, level::level_enum asked) {
  return rank == 0 || asked <= level::debug ? asked : std::max(asked, level::warn);
}

}  // namespace

void start_log(bool speaks) {
  const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_pattern("tattn: %v");
  sink->set_level(speaks ? level::info : level::off);
  spdlog::set_default_logger(with_sink(sink));
}

void set_log(const Communicator& comm, const LogOptions& options, const std::vector<std::string>& others) {
  const level::level_enum asked = level::from_str(options.level);
  if (comm.rank() == 0) standard_error().set_level(asked);
  if (options.file.empty()) return;
  check_report(comm, options.file, others);  // before a byte is added to it
  comm.agree([&] {
    try {
      const auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
      sink->set_pattern(fmt::format("%Y-%m-%d %H:%M:%S.%e rank {} %l: %v", comm.rank()));
      sink->set_level(file_level(comm.rank(), asked));
      spdlog::default_logger()->sinks().push_back(sink);
    } catch (const spdlog::spdlog_ex& error) {
      throw Error(Status::usage, fmt::format("{}: the log cannot be written: {}", options.file, error.what()));
    }
  });
  spdlog::default_logger()->flush_on(level::trace);  // lines of the ranks in the order in which they happen
}

void quiet_log() {
  standard_error().set_level(std::max(standard_error().level(), level::warn));
}

void log_error(const std::string& message) {
  const auto& sinks = spdlog::default_logger()->sinks();
  if (sinks.size() > 1) sinks[1]->log({"tattn", level::err, message});
}

}  // namespace tattn::cli
