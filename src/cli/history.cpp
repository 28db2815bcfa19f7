#include "cli/history.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "cli/common_options.hpp"
#include "cli/paths.hpp"
#include "tattn/error.hpp"
#include "training/vectors.hpp"

namespace tattn::cli {
namespace {

/// Whether a line of an earlier run stands for something that a run resumed after `step` will not do again. A plan
/// that was made on the way from this step to the next will be.
bool still_holds(const std::string& line, std::int64_t step) {
  const auto json = nlohmann::json::parse(line, nullptr, false);  // the last line of a killed run may be cut
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return false;
  const auto of_line = json["step"].get<std::int64_t>();
  return of_line < step || (of_line == step && !json.contains("replan"));
}

std::string lines_up_to(const std::string& path, std::int64_t step) {
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);)
    if (still_holds(line, step)) kept += line + "\n";
  return kept;
}

}  // namespace

History::History(const Communicator& comm, const std::string& path, std::optional<std::int64_t> resumed)
    : comm_(comm), path_(path) {
  if (path.empty()) return;
  std::string kept;
  if (resumed && comm.rank() == 0) kept = lines_up_to(path, *resumed);
  write_text(comm, path, kept);
  if (comm.rank() == 0) file_.open(path, std::ios::app);
}

void History::add(const training::TrainState& state, const std::string& replan) {
  if (path_.empty()) return;
  comm_.agree([&] {
    if (comm_.rank() != 0) return;
    nlohmann::ordered_json line = {{"step", state.optimizer.steps},
                                   {"loss", state.point.value.loss},
                                   {"gradient_norm", training::norm(state.point.value.gradient)},
                                   {"seconds", state.seconds},
                                   {"method", method_name(state.plan.method)},
                                   {"features", nullptr},
                                   {"watch_seconds", state.watch_seconds},
                                   {"replan_seconds", state.replan_seconds}};
    if (state.plan.features) line["features"] = *state.plan.features;
    if (!replan.empty()) line["replan"] = replan;
    file_ << line.dump() << std::endl;
    if (!file_) throw Error(Status::failed, fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
  });
}

}  // namespace tattn::cli
