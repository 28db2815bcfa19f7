#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace tattn::test {

/// How a run of the program ended and what it said.
struct Outcome {
  int status = -1;  ///< 124: it did not end in time
  std::string out, err;

  /// Lines of `err` beginning with "tattn:". mpirun adds lines of its own when a status is not 0.
  [[nodiscard]] std::vector<std::string> lines() const;
};

/// A folder of one test's own, in which the program runs; removed with all in it at the end.
class Workshop {
 public:
  Workshop();
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::vector<std::string> names() const;  ///< in the folder, sorted

  /// Runs "tattn <arguments>", by itself for one rank and under mpirun for more, and waits for it; `first` is what
  /// the same shell does before.
  [[nodiscard]] Outcome tattn(const std::string& arguments, int ranks = 1, const std::string& first = "true") const;

  /// The same without waiting: the process id of what was started.
  [[nodiscard]] int start_tattn(const std::string& arguments, int ranks) const;

 private:
  std::filesystem::path folder_;
};

/// `tattn <arguments>` ends with `status` and one line that holds `says`, and leaves the folder as it was.
void expect_refused(const Workshop& shop, const std::string& arguments, int ranks, int status,
                    const std::string& says);

/// Processes that `parent` started, and theirs.
[[nodiscard]] std::vector<int> descendants(int parent);

/// Whether `process` runs the program under test.
[[nodiscard]] bool runs_tattn(int process);

}  // namespace tattn::test
