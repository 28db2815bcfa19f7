#pragma once
#include <exception>
#include <functional>
#include <string>

#include "comm/communicator.hpp"

namespace tattn {

/// Rank 0 answers short questions of every rank while it has work of its own: it looks for them whenever it calls
/// serve(), so it should do so often. Ranks that wait for an answer, or for the end, sleep in between and leave
/// their cores to others.
///
///     rank 0                              rank r
///     work; serve(); work; serve() ..     ask("..") -> answer        any number of times, in any order
///     close()                             close()                    answers what is still asked until all are
///     here
class Desk {
 public:
  using Answer = std::function<std::string(const std::string& question)>;

  /// `answer` is called on rank 0 only. What it throws leaves somebody without an answer, so that the job has to be
  /// ended: it is not to throw Error, which all ranks agree on. Collective.
  Desk(const Communicator& comm, Answer answer);

  /// What rank 0 answers. Not collective; throws what `answer` threw.
  [[nodiscard]] std::string ask(const std::string& question);

  /// Answers all who have asked, and returns at once; nothing on other ranks. Fit to be called where an exception
  /// may not pass: ask() and close() of rank 0 throw it later. Not collective.
  void serve() noexcept;

  /// Collective.
  void close();

 private:
  void serve_all();
  void rethrow();

  Communicator comm_;  // its own, so that no question meets another message
  Answer answer_;
  std::exception_ptr failure_;
};

}  // namespace tattn
