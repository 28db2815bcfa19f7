#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/common_options.hpp"
#include "cli/results.hpp"
#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "io/result_contents.hpp"
#include "tattn/options.hpp"

namespace tattn::cli {

struct VerifyOptions {
  std::string input, output;
  CommonOptions common;
  std::int64_t samples = 16;
  std::uint64_t seed = 1;
  bool full = false;
};

/// What is verified: this rank's rows of an operand file and of a result made from it.
template <class T>
struct Subject {
  Problem problem;
  io::OperandRows<T> operands;  ///< upstream holds dO, also where the file has a target
  ResultRows<T> results;
  bool gradients = false;
};

/// The relative error of one dataset, or of the directional derivative.
struct Check {
  std::string name;
  std::string sample;          ///< what was compared, for the reader
  double error = 0;            ///< NaN fails
  std::int64_t worst_row = 0;  ///< flattened row with the largest share of the error
};

/// Sizes of the terms that sum up to each result, root mean squares over rows. Where the result is so
/// small against its terms (they cancel) that rounding alone exceeds the tolerance, the error is taken
/// relative to rounding / tolerance instead: a gradient that is zero is not held to its own size.
struct Magnitudes {
  double query = 0, upstream = 0, overlap = 0;  ///< row norms of Q, dO; sum_m |dO O|
  double lse = 0;                               ///< a weight exp(s - LSE) is as good as LSE is rounded
  std::array<double, kMaxOrder> key{}, value{};
};
/// Largest |LSE| of the result. Collective.
template <class T>
[[nodiscard]] double largest_lse(const Communicator& comm, const Subject<T>& subject);

template <class T>
[[nodiscard]] Magnitudes magnitudes(const Communicator& comm, const Subject<T>& subject);

/// Collects differences of rows spread over the ranks.
class Comparison {
 public:
  /// `rounding`: what rounding in the type of the results may change in one row.
  Comparison(std::string name, double rounding) : name_(std::move(name)), rounding_(rounding) {}

  void add(std::int64_t row, std::int64_t columns, const double* found, const double* expected);

  /// || found - expected ||_F / || expected ||_F over all ranks. Collective.
  [[nodiscard]] Check finish(const Communicator& comm, double tolerance) const;

 private:
  std::string name_;
  double rounding_, difference_ = 0, expected_ = 0, worst_ = -1;
  std::int64_t rows_ = 0, worst_row_ = 0;
};

/// difference / reference, where the reference is at least rounding / tolerance.
[[nodiscard]] double relative_error(double difference, double reference, double rounding, double tolerance);

/// Sampled rows of O, LSE and, with gradients, dQ: recomputed by the exact method in double. Collective.
template <class T>
[[nodiscard]] std::vector<Check> verify_queries(const Communicator& comm, const Subject<T>& subject,
                                                const Magnitudes& sizes, const VerifyOptions& options,
                                                const Options& library);

/// Sampled rows of every dK_u and dV_u, with p = exp(s - LSE) from the LSE and O of the result. Collective.
template <class T>
[[nodiscard]] std::vector<Check> verify_keys(const Communicator& comm, const Subject<T>& subject,
                                             const Magnitudes& sizes, const VerifyOptions& options,
                                             const Options& library);

/// The slope of L = sum(O * dO) along a random direction in all operands: central difference in double
/// against the gradients of the result. Two forward passes. Collective.
template <class T>
[[nodiscard]] Check verify_direction(const Communicator& comm, const Subject<T>& subject,
                                     const VerifyOptions& options, const Options& library);

/// Of a result of a problem file, whose subject has O - E upstream: its loss, and with gradients the slope of the
/// loss along a random direction in all weights and, where dX is there, in the whole X. Two forward passes each,
/// unless they would take long. Collective.
template <class T>
[[nodiscard]] std::vector<Check> verify_weights(const Communicator& comm, const Subject<T>& subject,
                                                const io::FileInfo& info, const io::ResultContents& contents,
                                                const VerifyOptions& options, const Options& library);

/// Multiply-adds of verify_direction, and whether they are few enough to be done without being asked for.
[[nodiscard]] bool direction_is_cheap(const Communicator& comm, const Problem& problem, int threads);

}  // namespace tattn::cli
