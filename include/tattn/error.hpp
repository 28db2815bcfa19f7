#pragma once
#include <stdexcept>
#include <string>

namespace tattn {

/// What the program's exit status will be. The same on every rank.
enum class Status : int {
  done = 0,
  failed = 1,        ///< failed while running
  usage = 2,         ///< the command line is wrong
  input = 3,         ///< the input file is wrong
  not_verified = 4,  ///< verification found an error beyond the tolerance
  stopped = 5        ///< stopped by a signal after saving what can be resumed
};

/// Every error tattn throws. The message is one line that names what was found, what was expected
/// and what to do; it carries neither the program's name nor a trailing newline.
class Error : public std::runtime_error {
 public:
  Error(Status status, const std::string& message) : std::runtime_error(message), status_(status) {}
  [[nodiscard]] Status status() const noexcept { return status_; }

 private:
  Status status_;
};

/// The polynomial method met a row whose normaliser is not positive: there is no result, and exact is the way out.
class NotPositive : public Error {
 public:
  explicit NotPositive(const std::string& message) : Error(Status::failed, message) {}
};

}  // namespace tattn
