#include "cli/progress.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace tattn::cli {
namespace {

constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::seconds kLineEvery{5};
constexpr int kBarWidth = 30;

std::string time_left(double elapsed, double share) {
  if (share <= 0) return "";
  const auto seconds = std::lround(elapsed * (1 - share) / share);
  return seconds < 3600 ? fmt::format("{}:{:02} left", seconds / 60, seconds % 60)
                        : fmt::format("{} h {} min left", seconds / 3600, seconds % 3600 / 60);
}

}  // namespace

Progress::Progress(ProgressMode mode, bool speaks) {
  if (!speaks || mode == ProgressMode::never) return;
  style_ = mode == ProgressMode::always || isatty(STDERR_FILENO) == 1 ? Style::bar : Style::lines;
}

std::function<void(double)> Progress::phase(const std::string& name) {
  finish();
  name_ = name;
  note_.clear();
  start_ = shown_ = Clock::now();
  if (style_ == Style::none) return {};
  return [this](double share) { show(std::clamp(share, 0.0, 1.0)); };
}

void Progress::show(double share) {
  const auto now = Clock::now();
  if (now - shown_ < (style_ == Style::bar ? Clock::duration(kBarEvery) : Clock::duration(kLineEvery))) return;
  shown_ = now;
  std::string left = time_left(std::chrono::duration<double>(now - start_).count(), share);
  if (!note_.empty()) left += (left.empty() ? "" : ", ") + note_;
  if (style_ == Style::lines) {
    spdlog::info("{}: {:.0f} %, {}", name_, share * 100, left);
    return;
  }
  const int full = static_cast<int>(share * kBarWidth);
  fmt::print(stderr, "\r{} [{:#<{}}{:.<{}}] {:3.0f} %  {}\x1b[K", name_, "", full, "", kBarWidth - full,
             share * 100, left);
  std::fflush(stderr);
  on_screen_ = true;
}

void Progress::finish() {
  if (on_screen_) fmt::print(stderr, "\r\x1b[K");
  on_screen_ = false;
}

}  // namespace tattn::cli
