#include "cli/study_measure.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "cli/common_options.hpp"
#include "cli/results.hpp"
#include "cli/study_operands.hpp"
#include "method/decide.hpp"
#include "stopwatch.hpp"
#include "study/fit.hpp"
#include "study/predict.hpp"
#include "tattn/attention.hpp"

namespace tattn::cli {
namespace {

constexpr double kLongPass = 1;  // seconds from which on warming up is a small part

/// ||got - right|| / ||right|| over all ranks, Frobenius.
template <class T>
double relative_error(const Communicator& comm, const std::vector<T>& got, const std::vector<double>& right) {
  double off = 0, all = 0;
  for (std::size_t x = 0; x < right.size(); ++x) {
    const double difference = static_cast<double>(got[x]) - right[x];
    off += difference * difference;
    all += right[x] * right[x];
  }
  off = comm.sum(off);
  return std::sqrt(off / comm.sum(all));
}

/// One point: what its steps share.
template <class T>
class Point {
 public:
  Point(const Communicator& comm, const Problem& problem, const Entries& entries, const MeasureOptions& options)
      : comm_(comm), problem_(problem), entries_(entries), options_(options) {}

  study::Row row() {
    make_rows();
    row_.seconds_plan = comm_.max(timed([&] {
      plan_ = method::decide(comm_, problem_, operands_.views(), options_.library,
                             {.gradients = true, .ranks = comm_.size()});
    }));
    describe();
    repeat();
    if (options_.errors) compare();
    return row_;
  }

 private:
  void make_rows() {
    comm_.agree([&] {
      operands_ = seeded_operands<T>(comm_, problem_, options_.library.method, entries_);
      results_.emplace(operands_, problem_.shape, true);
    });
  }

  void describe() {
    row_.ranks = comm_.size();
    row_.threads = options_.library.threads;
    row_.rows = problem_.shape.rows;
    row_.dim = problem_.shape.dim;
    row_.order = problem_.shape.order;
    row_.method = method_name(plan_.method);
    row_.features = plan_.features;
    row_.degree = plan_.degree;
    row_.spread = entries_.deviation();
    row_.entry = entries_.entry;
    row_.measured_error = plan_.measured_error;
    row_.certified_error = plan_.certified_error;
    row_.predicted_forward = plan_.forward.seconds;
    if (plan_.gradient) row_.predicted_gradient = plan_.gradient->seconds;
    row_.grid = study::grid_text(
        {std::max(1, plan_.slice_groups), std::max(1, plan_.sequence_blocks), std::max(1, plan_.feature_groups)});
  }

  /// Seconds of the slowest rank, all starting together; what this rank was inside of MPI is added to `inside`.
  template <class Pass>
  double pass_seconds(double& inside, const Pass& pass) {
    comm_.barrier();
    const double before = Communicator::mpi_seconds_by_process();
    const double seconds = timed(pass);
    inside += Communicator::mpi_seconds_by_process() - before;
    return comm_.max(seconds);
  }

  void both_passes() {
    const std::int64_t sent_before = Communicator::bytes_sent_by_process();
    Kept kept;
    double inside = 0;
    forward_.push_back(pass_seconds(inside, [&] {
      forward(comm_.handle(), problem_, plan_, operands_.views(), options_.library, results_->output_views(),
              &kept);
    }));
    gradient_.push_back(pass_seconds(inside, [&] {
      gradient(comm_.handle(), problem_, plan_, operands_.views(), options_.library,
               std::as_const(*results_).output_views(), operands_.upstream.data(), results_->gradient_views(),
               &kept);
    }));
    shares_.push_back(comm_.sum(inside) / comm_.size() / (forward_.back() + gradient_.back()));
    row_.bytes_communicated = comm_.max(Communicator::bytes_sent_by_process() - sent_before);
  }

  void forget_passes() {
    forward_.clear();
    gradient_.clear();
    shares_.clear();
  }

  void repeat() {
    both_passes();
    if (forward_[0] + gradient_[0] < kLongPass) forget_passes();
    for (double spent = 0; std::ssize(forward_) < options_.repeats;) {
      if (!forward_.empty() && spent + forward_.back() + gradient_.back() > options_.time_limit) break;
      both_passes();
      spent += forward_.back() + gradient_.back();
    }
    row_.repeats = std::ssize(forward_);
    row_.seconds_forward = study::median(forward_);
    row_.seconds_gradient = study::median(gradient_);
    row_.communication_share = study::median(shares_);
    std::tie(row_.forward_low, row_.forward_high) = extremes(forward_);
    std::tie(row_.gradient_low, row_.gradient_high) = extremes(gradient_);
  }

  static std::pair<double, double> extremes(const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return {*low, *high};
  }

  void compare() {
    const io::OperandRows<double> operands = in_double(operands_);
    ResultRows<double> right(operands, problem_.shape, true);
    Options exact = options_.library;
    exact.method = Method::exact;
    const Plan plan{};
    forward(comm_.handle(), problem_, plan, operands.views(), exact, right.output_views());
    gradient(comm_.handle(), problem_, plan, operands.views(), exact, std::as_const(right).output_views(),
             operands.upstream.data(), right.gradient_views());
    row_.error = relative_error(comm_, results_->output, right.output);
    row_.error_query = relative_error(comm_, results_->query, right.query);
    for (std::size_t u = 0; u < static_cast<std::size_t>(problem_.shape.order); ++u) {
      row_.error_key[u] = relative_error(comm_, results_->key[u], right.key[u]);
      row_.error_value[u] = relative_error(comm_, results_->value[u], right.value[u]);
    }
  }

  const Communicator& comm_;
  const Problem& problem_;
  const Entries& entries_;
  const MeasureOptions& options_;
  io::OperandRows<T> operands_;
  std::optional<ResultRows<T>> results_;
  Plan plan_;
  study::Row row_;
  std::vector<double> forward_, gradient_, shares_;
};

}  // namespace

template <class T>
study::Row measure(const Communicator& comm, const Problem& problem, const Entries& entries,
                   const MeasureOptions& options) {
  return Point<T>(comm, problem, entries, options).row();
}

template study::Row measure<float>(const Communicator&, const Problem&, const Entries&, const MeasureOptions&);
template study::Row measure<double>(const Communicator&, const Problem&, const Entries&, const MeasureOptions&);

}  // namespace tattn::cli
