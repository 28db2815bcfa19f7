#pragma once
#include <string>
#include <vector>

namespace tattn::kernels {

/// Names of the instruction sets this machine and build offer, best first, e.g. {"AVX2", "SSE4", "SSSE3"}.
[[nodiscard]] std::vector<std::string> instruction_sets();

/// The one the kernels use.
[[nodiscard]] std::string instruction_set();

/// Makes the kernels use `name`, any case; an empty name returns to the best. Not while kernels run. Throws
/// Error(Status::usage) with the names on offer if it is not one of them.
void use_instruction_set(const std::string& name);

/// Does what the environment variable TATTN_INSTRUCTION_SET says, the first time it is called.
void use_environment_instruction_set();

}  // namespace tattn::kernels
