#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tattn::service {

/// One input of a batch. What is known to be wrong with it is said in `error`; it is a failure, or where
/// `twice` is set it is the same file once more, which is skipped.
struct BatchEntry {
  std::string input;
  std::string output;  ///< <output folder>/<name of the input>
  std::string error;
  bool twice = false;
};

/// Name of the log in the output folder.
inline constexpr char kBatchLog[] = "batch.jsonl";

/// The paths of a list: one a line, as it stands but without a carriage return at the end; lines that are blank or
/// begin with # (after blanks) are left out. Throws Error(Status::input), beginning with `name`, when the text
/// holds a zero byte or no path.
[[nodiscard]] std::vector<std::string> parse_list(const std::string& name, std::string_view text);

/// The paths of `list`: those of a text file, or in a folder its *.h5 that are not hidden, sorted by name. By this
/// rank alone. Throws Error(Status::input) when it cannot be read or holds none.
[[nodiscard]] std::vector<std::string> read_list(const std::string& list);

/// Where each result goes, and which inputs cannot be done: names that two inputs from different folders share (the
/// first keeps it), the name of the log, and no name at all. By this rank alone.
[[nodiscard]] std::vector<BatchEntry> batch_entries(const std::vector<std::string>& inputs,
                                                    const std::string& output_folder);

/// `text` on one line: control characters as \n, \t or \x1b.
[[nodiscard]] std::string printable(const std::string& text);

}  // namespace tattn::service
