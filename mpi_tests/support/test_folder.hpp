#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.hpp"

namespace tattn::test {

/// A folder of one test's own, made by rank 0 and known to every rank; removed with all in it at the end.
/// Collective.
class TestFolder {
 public:
  explicit TestFolder(const Communicator& comm);
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }
  /// Names in the folder, sorted. Collective: no rank goes on to change it before all have looked.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  const Communicator& comm_;
  std::filesystem::path folder_;
};

[[nodiscard]] std::string read_bytes(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);

/// While it lives a process of the superuser is an ordinary user, who may not do everything.
class OrdinaryUser {
 public:
  OrdinaryUser();
  ~OrdinaryUser();
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  bool changed_ = false;
};

}  // namespace tattn::test
