#include "cli/machine.hpp"

#include <spdlog/spdlog.h>

#include <fstream>
#include <string>

#include "method/gemm_rate.hpp"

namespace tattn::cli {
namespace {

/// The bytes a line "name   123 kB" of one of the kernel's files tells; 0 where it has none.
std::int64_t bytes_of(const char* path, const std::string& wanted) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(wanted)) return std::stoll(line.substr(wanted.size())) * 1024;
  return 0;
}

}  // namespace

std::int64_t free_memory_bytes() {
  return bytes_of("/proc/meminfo", "MemAvailable:");
}

// Not getrusage's: that one starts with what the parent held when it started this process.
std::int64_t peak_memory_bytes() {
  return bytes_of("/proc/self/status", "VmHWM:");
}

void warn_of_slow_products() {
  if (const std::string advice = method::gemm_advice(); !advice.empty()) spdlog::warn("{}", advice);
}

}  // namespace tattn::cli
