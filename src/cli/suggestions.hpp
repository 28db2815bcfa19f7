#pragma once
#include <string>
#include <vector>

namespace tattn::cli {

/// The candidate with the smallest edit distance to `word`, or an empty string when none is near
/// enough to have been meant (more than a third of the word would have to change).
[[nodiscard]] std::string nearest(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace tattn::cli
