#pragma once
#include <chrono>
#include <functional>
#include <string>

namespace tattn::cli {

enum class ProgressMode { automatic, always, never };

/// Shows on standard error how much of a phase is done and how long the rest may take: a bar that
/// stays on its line, or (automatic, and standard error is no terminal) a line every few seconds.
class Progress {
 public:
  Progress(ProgressMode mode, bool speaks);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Begins a phase; the result is what Options::progress wants, valid until the next phase.
  [[nodiscard]] std::function<void(double)> phase(const std::string& name);

  /// What else is to be shown from now on, in this phase.
  void note(const std::string& text) { note_ = text; }

  /// What the phase is called from now on.
  void rename(const std::string& name) { name_ = name; }

  /// Wipes the bar.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void show(double share);

  enum class Style { none, bar, lines } style_ = Style::none;
  std::string name_, note_;
  Clock::time_point start_, shown_;
  bool on_screen_ = false;
};

}  // namespace tattn::cli
