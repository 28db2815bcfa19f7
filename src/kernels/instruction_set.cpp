#include "kernels/instruction_set.hpp"

#include <strings.h>

#include <cstdlib>

#include "hwy/highway.h"
#include "hwy/targets.h"
#include "tattn/error.hpp"

namespace tattn::kernels {
namespace {

/// The targets the kernels were compiled for and the machine has.
std::int64_t offered() {
  hwy::SetSupportedTargetsForTest(0);
  return hwy::SupportedTargets() & HWY_TARGETS;
}

void choose(std::int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

/// Highway numbers better targets lower.
std::int64_t best(std::int64_t targets) {
  return targets & -targets;
}

std::int64_t in_use = 0;

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (std::int64_t left = offered(); left != 0; left &= left - 1) names.emplace_back(hwy::TargetName(best(left)));
  choose(in_use);
  return names;
}

std::string instruction_set() {
  return hwy::TargetName(in_use != 0 ? in_use : best(offered()));
}

void use_instruction_set(const std::string& name) {
  std::string names;
  for (std::int64_t left = offered(); left != 0; left &= left - 1) {
    const char* known = hwy::TargetName(best(left));
    names += std::string(names.empty() ? "" : ", ") + known;
    if (strcasecmp(known, name.c_str()) == 0) return choose(in_use = best(left));
  }
  choose(in_use);
  if (!name.empty())
    throw Error(Status::usage,
                "instruction set '" + name + "' is not offered here: TATTN_INSTRUCTION_SET can be " + names);
  choose(in_use = 0);
}

void use_environment_instruction_set() {
  static const bool done = [] {
    if (const char* name = std::getenv("TATTN_INSTRUCTION_SET")) use_instruction_set(name);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace tattn::kernels
