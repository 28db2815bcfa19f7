// libFuzzer: any words are a command line that is understood, or an Error of status 2 on one line. A zero byte ends
// a word. Nothing is run.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "tattn/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words = {"tattn", ""};
  for (std::size_t at = 0; at < size; ++at)
    if (data[at] == 0)
      words.emplace_back();
    else
      words.back() += static_cast<char>(data[at]);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  try {
    static_cast<void>(tattn::cli::parse_command_line(static_cast<int>(arguments.size()), arguments.data()));
  } catch (const tattn::Error& error) {
    if (error.status() != tattn::Status::usage) std::abort();
  }
  return 0;
}
