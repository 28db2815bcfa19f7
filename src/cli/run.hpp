#pragma once
#include "cli/compute.hpp"
#include "cli/paths.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/shares.hpp"
#include "io/problem_file.hpp"
#include "io/result_file.hpp"
#include "method/decide.hpp"
#include "stopwatch.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {

/// One run of forward or gradient: what it has and does whatever the kind of file. Members are collective.
struct Run {
  Run(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info, io::Needs wanted);

  [[nodiscard]] bool gradients() const { return wanted == io::Needs::upstream; }

  /// Throws Error(Status::failed) unless operands of `bytes` an entry and the results fit beside `others` bytes.
  void require_memory(int bytes, std::int64_t others) const;

  /// Cut as the method that will most likely be taken wants them.
  [[nodiscard]] Shares shares() const;

  template <class T>
  void make_plan(const Operands<T>& operands);

  /// What happens between reading and writing: bytes sent are counted.
  void calculate(const std::function<void()>& steps);

  /// The forward pass; again by the exact method where an automatic plan's polynomial does not do.
  template <class T>
  void forward_phase(const Operands<T>& operands, const std::function<void()>& pass);

  /// Seconds of a step whose progress is told by this name.
  [[nodiscard]] double phase(const char* name, const std::function<void()>& step);

  /// How the result was made goes into the file, which is then whole.
  void publish(io::ResultFile& file);

  /// The report, also for the caller, and a few lines for the reader.
  Report conclude();

  const Communicator& comm;
  const ComputeOptions& options;
  const io::FileInfo& info;
  io::Needs wanted;
  Options library;
  Progress progress;
  InputWatch watch;
  Stopwatch total;
  Plan plan;
  Report report;

 private:
  [[nodiscard]] method::Setting setting() const;
  void take_plan();
  /// Progress of a phase that begins: shown, or told to the listener.
  [[nodiscard]] std::function<void(double)> begin(const char* phase);
  void say_done() const;
};

/// This rank's rows of a problem file and its weights, once they are known to fit. Collective.
template <class T>
[[nodiscard]] io::ProblemData<T> read_problem(Run& run);

/// A problem file's run, from reading to publishing. Collective.
template <class T>
Report compute_problem(const Communicator& comm, const ComputeOptions& options, const io::FileInfo& info,
                       io::Needs wanted);

}  // namespace tattn::cli
