#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/batch.hpp"
#include "cli/batch_log.hpp"
#include "cli/paths.hpp"
#include "cli/provenance.hpp"
#include "io/file_digest.hpp"
#include "io/result_origin.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

using Json = nlohmann::json;
using Kind = io::ResultOrigin::Kind;

void survey(const Communicator& self, const BatchOptions& options, const service::BatchEntry& entry,
            FileSurvey& found) {
  check_different(self, entry.input, entry.output);
  const io::FileInfo info = io::inspect(self, entry.input, options.needs(), options.common.overrides());
  refuse_what_method_cannot(options.common, info);
  found.work = {info.problem, info.dtype == io::DType::f32 ? 4 : 8, info.bytes};
  const io::ResultOrigin origin = io::read_origin(entry.output);
  if (origin.kind == Kind::foreign && !options.common.force)
    throw Error(Status::usage,
                fmt::format("{}: exists and is no result of tattn: add --force to replace it, or give "
                            "another output folder",
                            entry.output));
  found.replace = origin.kind != Kind::none;
  if (origin.kind != Kind::whole || origin.request.empty()) return;
  const std::string digest = io::file_digest(self, info.path);
  if (origin.request == requested(options.command, options.common, info, digest))
    found.outcome.state = FileState::skipped;
}

FileSurvey survey_file(const Communicator& self, const BatchOptions& options, const service::BatchEntry& entry) {
  FileSurvey found;
  FileOutcome& outcome = found.outcome;
  if (!entry.error.empty()) {
    outcome.state = entry.twice ? FileState::skipped : FileState::failed;
    outcome.exit = entry.twice ? Status::done : Status::input;
    outcome.error = entry.input + ": " + entry.error;
    return found;
  }
  try {
    survey(self, options, entry, found);
  } catch (const Error& error) {
    outcome = {FileState::failed, error.status(), error.what(), "", 0};
  }
  return found;
}

Json to_json(const FileSurvey& found) {
  const Problem& problem = found.work.problem;
  const Shape& shape = problem.shape;
  return {{"outcome", outcome_json(found.outcome)},
          {"replace", found.replace},
          {"shape", {shape.order, shape.slices, shape.rows, shape.dim, shape.value_dim}},
          {"key_rows", shape.key_rows},
          {"scale", problem.scale},
          {"causal", problem.causal},
          {"element_bytes", found.work.element_bytes},
          {"bytes", found.work.bytes}};
}

FileSurvey from_json(const Json& json) {
  FileSurvey found;
  found.outcome = outcome_of(json.at("outcome"));
  found.replace = json.at("replace");
  Shape& shape = found.work.problem.shape;
  const Json& sizes = json.at("shape");
  shape = {sizes.at(0), sizes.at(1), sizes.at(2), json.at("key_rows"), sizes.at(3), sizes.at(4)};
  found.work.problem.scale = json.at("scale");
  found.work.problem.causal = json.at("causal");
  found.work.element_bytes = json.at("element_bytes");
  found.work.bytes = json.at("bytes");
  return found;
}

}  // namespace

std::vector<FileSurvey> survey_files(const Communicator& comm, const BatchOptions& options,
                                     const std::vector<service::BatchEntry>& entries, const StopSignal& stop) {
  const Communicator self = comm.split(comm.rank());
  const auto ranks = static_cast<std::size_t>(comm.size());
  Json mine = Json::array();
  for (auto f = static_cast<std::size_t>(comm.rank()); f < entries.size(); f += ranks)
    mine.push_back(to_json(stop.requested() ? FileSurvey{} : survey_file(self, options, entries[f])));
  std::vector<FileSurvey> all(entries.size());
  for (std::size_t root = 0; root < ranks; ++root) {
    std::size_t f = root;
    for (const Json& found : Json::parse(comm.broadcast(json_line(mine), static_cast<int>(root)))) {
      all[f] = from_json(found);
      f += ranks;
    }
  }
  return all;
}

}  // namespace tattn::cli
