// libFuzzer: any bytes are a list of paths or an Error; what comes of them is on one line.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "service/batch_list.hpp"
#include "tattn/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& entry : tattn::service::batch_entries(tattn::service::parse_list("list", text), "out")) {
      const std::string line = tattn::service::printable(entry.input + entry.output + entry.error);
      if (line.find_first_of("\n\r\t") != std::string::npos) std::abort();
    }
  } catch (const tattn::Error& error) {
    if (error.status() != tattn::Status::input) std::abort();
  }
  return 0;
}
