#include "support/test_folder.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace tattn::test {

namespace fs = std::filesystem;

TestFolder::TestFolder(const Communicator& comm) : comm_(comm) {
  std::string made;
  if (comm.rank() == 0) {
    made = (fs::temp_directory_path() / "tattn-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(made.data()), nullptr);
    fs::permissions(made, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  folder_ = comm.broadcast(made);
}

TestFolder::~TestFolder() {
  comm_.barrier();  // another rank may still be looking
  std::error_code ignored;
  if (comm_.rank() == 0) fs::remove_all(folder_, ignored);
}

std::vector<std::string> TestFolder::names() const {
  std::vector<std::string> result;
  for (const auto& entry : fs::directory_iterator(folder_)) result.push_back(entry.path().filename().string());
  std::sort(result.begin(), result.end());
  comm_.barrier();
  return result;
}

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

OrdinaryUser::OrdinaryUser() {
  constexpr uid_t kNobody = 65534;
  if (geteuid() == 0) changed_ = seteuid(kNobody) == 0;
}

OrdinaryUser::~OrdinaryUser() {
  if (changed_ && seteuid(0) != 0) std::abort();
}

}  // namespace tattn::test
