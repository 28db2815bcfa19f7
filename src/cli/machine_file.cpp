#include "cli/machine_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/paths.hpp"
#include "tattn/error.hpp"

namespace tattn::cli {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Status::input, fmt::format("{}: {}", path, why));
}

std::string contents(const Communicator& comm, const std::string& path) {
  std::string text;
  comm.agree([&] {
    if (comm.rank() != 0) return;
    std::ifstream file(path);
    std::ostringstream all;
    all << file.rdbuf();
    text = all.str();
    if (!file || text.empty()) refuse(path, "cannot be read: expected a machine description, as in data/machines");
  });
  return comm.broadcast(text);
}

double above_zero(const std::string& path, const Json& json, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  if (!json.contains(at) || !json[at].is_number() || !(json[at].get<double>() > 0))
    refuse(path, fmt::format("field '{}' is not there or not a number above 0", pointer.substr(1)));
  return json[at].get<double>();
}

}  // namespace

plan::Machine read_machine(const Communicator& comm, const std::string& path) {
  const Json json = Json::parse(contents(comm, path), nullptr, false);
  if (!json.is_object()) refuse(path, "is not a JSON object");
  const auto number = [&](const std::string& pointer) { return above_zero(path, json, pointer); };
  plan::Machine machine;
  if (json.contains("name") && json["name"].is_string()) machine.name = json["name"].get<std::string>();
  machine.core_flops_f32 = number("/core_flops/f32");
  machine.core_flops_f64 = number("/core_flops/f64");
  machine.cores_per_node = static_cast<int>(std::min(1e6, number("/cores_per_node")));
  machine.memory_bandwidth = number("/memory_bandwidth");
  machine.latency = number("/network/latency");
  machine.bandwidth = number("/network/bandwidth");
  return machine;
}

void write_machine(const Communicator& comm, const std::string& path, const plan::Machine& machine) {
  const Json json = {{"name", machine.name},
                     {"sources", {fmt::format("tattn plan --calibrate, {} ranks", comm.size())}},
                     {"core_flops", {{"f32", machine.core_flops_f32}, {"f64", machine.core_flops_f64}}},
                     {"cores_per_node", machine.cores_per_node},
                     {"memory_bandwidth", machine.memory_bandwidth},
                     {"network", {{"latency", machine.latency}, {"bandwidth", machine.bandwidth}}}};
  write_text(comm, path, json.dump(2) + "\n");
}

}  // namespace tattn::cli
