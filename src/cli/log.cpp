#include "cli/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace tattn::cli {

void start_log(bool speaks) {
  const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("tattn", sink);
  logger->set_pattern("tattn: %v");
  logger->set_level(speaks ? spdlog::level::info : spdlog::level::off);
  spdlog::set_default_logger(std::move(logger));
}

void quiet_log() {
  if (spdlog::default_logger()->level() < spdlog::level::warn) spdlog::set_level(spdlog::level::warn);
}

}  // namespace tattn::cli
