#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "cli/history.hpp"
#include "cli/run.hpp"
#include "cli/train.hpp"
#include "io/problem_file.hpp"
#include "stop_signal.hpp"
#include "tattn/error.hpp"
#include "training/trainer.hpp"
#include "training/vectors.hpp"

namespace tattn::cli {
namespace {

/// One run: what its steps share.
template <class T>
class TrainRun {
 public:
  TrainRun(const Communicator& comm, const TrainOptions& options, const io::FileInfo& info,
           const training::TrainSettings& settings, const std::string& problem_digest)
      : run_(comm, options.run, info, io::Needs::upstream), options_(options), kept_{settings, problem_digest, {}} {
    if (!options.checkpoint.empty()) stop_ = std::make_unique<StopSignal>();
  }

  void all(std::optional<training::Checkpoint> resumed) {
    io::ResultFile file(run_.comm, options_.run.output, options_.run.common.force);
    const io::ProblemData<T> data = read_problem<T>(run_);
    training::Loss<T> loss(run_.comm, io::training_problem(run_.info), data.rows);
    History history(run_.comm, options_.history,
                    resumed ? std::optional(resumed->state.optimizer.steps) : std::nullopt);
    training::Trainer<T> trainer(run_.comm, loss, order(), start(data.weights, std::move(resumed)));
    run_.calculate([&] { train(trainer, history); });
    run_.report.seconds.forward = timed([&] { run_.report.loss = trainer.finish(); });
    tell(trainer);
    run_.report.seconds.write = timed([&] { write(file, loss, trainer.state()); });
    run_.report.seconds.total = run_.total.seconds();
    write_report(run_.comm, options_.run.common, run_.info, run_.report);
    say_done(trainer.state());
  }

 private:
  [[nodiscard]] training::TrainOrder order() const {
    return {kept_.settings.optimizer, run_.library, options_.steps,
            fixed_grid(run_.comm.size(), options_.run.common)};
  }

  training::TrainState start(const std::vector<double>& weights, std::optional<training::Checkpoint> resumed) {
    training::TrainState state;
    state.point.weights = weights;
    if (!resumed) return state;
    before_ = {resumed->state.watch_seconds, resumed->state.replan_seconds};
    if (needs_new_plan(kept_.settings, resumed->settings)) resumed->state.planned = false;
    spdlog::info("resumed after step {} from {}", resumed->state.optimizer.steps, options_.resume);
    return std::move(resumed->state);
  }

  void train(training::Trainer<T>& trainer, History& history) {
    const bool fresh = !trainer.state().planned;
    trainer.on_replan = [&](const std::string& why) {
      spdlog::info("after step {}: {}; now {}", trainer.state().optimizer.steps, why, plan_text(trainer.state()));
      history.add(trainer.state(), why);
    };
    trainer.begin();
    spdlog::info("begins with {} and loss {:.6g}", plan_text(trainer.state()), trainer.state().point.value.loss);
    if (fresh) history.add(trainer.state());
    const auto progress = run_.progress.phase("train");
    first_ = trainer.state().optimizer.steps;
    while (trainer.state().optimizer.steps < options_.steps) {
      stop_if_asked(trainer.state());
      if (!advance(trainer)) break;
      history.add(trainer.state());
      show(trainer.state(), progress);
      if (trainer.state().optimizer.steps % options_.checkpoint_every == 0) keep(trainer.state());
    }
    keep(trainer.state());
  }

  bool advance(training::Trainer<T>& trainer) {
    bool advanced = false;
    training_.step_seconds += timed([&] { advanced = trainer.advance(); });
    if (!advanced)
      spdlog::info("no step from {} leads further down: {}", trainer.state().optimizer.steps, trainer.ending());
    return advanced;
  }

  void keep(const training::TrainState& state) {
    if (options_.checkpoint.empty() || kept_step_ == state.optimizer.steps) return;
    kept_step_ = state.optimizer.steps;
    kept_.state = state;
    training_.checkpoint_seconds += timed([&] { training::save(run_.comm, options_.checkpoint, kept_); });
  }

  void stop_if_asked(const training::TrainState& state) {
    if (!stop_ || !stop_->requested(run_.comm)) return;
    run_.progress.finish();
    keep(state);
    throw Error(Status::stopped, fmt::format("stopped by a signal after step {}: go on with --resume {}",
                                             state.optimizer.steps, options_.checkpoint));
  }

  void show(const training::TrainState& state, const std::function<void(double)>& progress) {
    if (!progress) return;
    const auto made = static_cast<double>(state.optimizer.steps - first_);
    run_.progress.note(fmt::format("step {}, loss {:.6g}, {:.3g} s a step", state.optimizer.steps,
                                   state.point.value.loss, training_.step_seconds / made));
    progress(made / static_cast<double>(options_.steps - first_));
  }

  [[nodiscard]] static std::string plan_text(const training::TrainState& state) {
    return state.plan.features
               ? fmt::format("{} of {} features", method_name(state.plan.method), *state.plan.features)
               : method_name(state.plan.method);
  }

  void tell(const training::Trainer<T>& trainer) {
    const training::TrainState& state = trainer.state();
    run_.plan = state.plan;
    run_.report.take(state.plan);
    if (state.watch.error) run_.report.measured_error = state.watch.error;
    run_.report.command = "train";
    run_.report.input = options_.run.input;
    run_.report.output = options_.run.output;
    run_.report.threads = run_.library.threads;
    run_.report.seconds.plan = trainer.first_plan_seconds();
    training_.steps = state.optimizer.steps;
    training_.replans = state.replans;
    training_.watch_seconds = state.watch_seconds - before_.watch_seconds;
    training_.replan_seconds = state.replan_seconds - before_.replan_seconds;
    training_.loss_of_error = trainer.loss_of_error();
    run_.report.training = training_;
  }

  void write(io::ResultFile& file, const training::Loss<T>& loss, const training::TrainState& state) {
    const Shape& shape = run_.info.problem.shape;
    const RowRange rows = loss.rows().query_rows;
    io::write_weights(run_.comm, file, run_.info, "", state.point.weights);
    file.dataset("O", {}, shape.rows, shape.value_dim, rows, loss.output().output);
    file.dataset("LSE", {}, shape.rows, 0, rows, loss.output().lse);
    file.scalar("loss", *run_.report.loss);
    file.attribute("steps", state.optimizer.steps);
    file.attribute("optimizer", *options_.optimizer);
    run_.publish(file);
  }

  void say_done(const training::TrainState& state) const {
    const double seconds = training_.step_seconds;  // 0 where a resumed run had no step left
    spdlog::info("{} steps, {:.2f} s{}", state.optimizer.steps, seconds,
                 seconds > 0 ? fmt::format(": watching {:.1f} %, {} new plans {:.1f} %",
                                           100 * training_.watch_seconds / seconds, state.replans,
                                           100 * training_.replan_seconds / seconds)
                             : "");
    spdlog::info("loss {:.9g}, gradient norm {:.3g}", *run_.report.loss,
                 training::norm(state.point.value.gradient));
    if (training_.loss_of_error.value_or(0) > training::kErrorCounts * *run_.report.loss)
      spdlog::warn("the polynomial's error may amount to {:.2g} of the loss: a smaller --tolerance shows",
                   *training_.loss_of_error);
    spdlog::info("wrote {}", options_.run.output);
  }

  Run run_;
  const TrainOptions& options_;
  training::Checkpoint kept_;
  std::int64_t kept_step_ = -1, first_ = 0;
  struct {
    double watch_seconds = 0, replan_seconds = 0;
  } before_;                          ///< of the runs that this one goes on from
  std::unique_ptr<StopSignal> stop_;  ///< where there is a checkpoint to stop at
  Report::Training training_;
};

}  // namespace

template <class T>
void train(const Communicator& comm, const TrainOptions& options, const io::FileInfo& info,
           const training::TrainSettings& settings, std::optional<training::Checkpoint> resumed,
           const std::string& problem_digest) {
  TrainRun<T>(comm, options, info, settings, problem_digest).all(std::move(resumed));
}

template void train<float>(const Communicator&, const TrainOptions&, const io::FileInfo&,
                           const training::TrainSettings&, std::optional<training::Checkpoint>, const std::string&);
template void train<double>(const Communicator&, const TrainOptions&, const io::FileInfo&,
                            const training::TrainSettings&, std::optional<training::Checkpoint>,
                            const std::string&);

}  // namespace tattn::cli
