// Damaged inputs: what is left of each is read as it stands or refused with status 3, by every reader; nothing
// crashes, hangs, or takes memory for what a damaged number claims. Each share of the mutations runs in a process
// of its own, so that a crash names its seed and the others go on. TATTN_MUTATIONS sets their number.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>

#include "comm/communicator.hpp"
#include "io/operand_file.hpp"
#include "io/result_file.hpp"
#include "io/result_origin.hpp"
#include "plan/monomial_walk.hpp"
#include "service/batch_list.hpp"
#include "support/file_spec.hpp"
#include "support/mutate.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"
#include "training/checkpoint.hpp"

namespace fs = std::filesystem;

namespace tattn::test {
namespace {

constexpr int kShare = 50;  // mutations a process
constexpr unsigned kSecondsEach = 10;
constexpr rlim_t kMemory = rlim_t{4} << 30;  // of address space; the files have kilobytes

int mutations() {
  const char* text = std::getenv("TATTN_MUTATIONS");
  return text ? std::atoi(text) : 300;
}

class Folder {
 public:
  Folder() {
    std::string made = (fs::temp_directory_path() / "tattn-hostile-XXXXXX").string();
    EXPECT_NE(mkdtemp(made.data()), nullptr);
    path_ = made;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

/// "" when `step` works or throws Error of status 3, else what is wrong.
std::string judged(const std::function<void()>& step) {
  try {
    step();
  } catch (const Error& error) {
    if (error.status() != Status::input)
      return fmt::format("status {}: {}", static_cast<int>(error.status()), error.what());
    if (std::string(error.what()).find('\n') != std::string::npos)
      return fmt::format("two lines: {}", error.what());
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

using Reader = std::function<void(const std::string& path)>;

/// In the child: tries mutations [from, to), and writes down which one is under way and what was wrong.
void try_share(const Folder& folder, const std::string& whole, int from, int to, const Reader& reader) {
  const rlimit memory{kMemory, kMemory};
  setrlimit(RLIMIT_AS, &memory);
  for (int seed = from; seed < to; ++seed) {
    write_bytes(folder.path("now"), std::to_string(seed));
    write_bytes(folder.path("in.h5"), mutated(whole, static_cast<std::uint64_t>(seed)));
    alarm(kSecondsEach);
    const std::string wrong = judged([&] { reader(folder.path("in.h5")); });
    alarm(0);
    if (!wrong.empty())
      write_bytes(folder.path("wrong"),
                  read_bytes(folder.path("wrong")) + fmt::format("seed {}: {}\n", seed, wrong));
  }
}

/// Runs all mutations of a file, in children that begin MPI themselves if `reader` needs it.
void try_all(const std::string& whole, const Reader& reader) {
  const Folder folder;
  write_bytes(folder.path("wrong"), "");
  for (int from = 0; from < mutations();) {
    const int to = std::min(from + kShare, mutations());
    const pid_t child = fork();
    if (child == 0) {
      try_share(folder, whole, from, to, reader);
      _exit(0);
    }
    int ended = 0;
    ASSERT_EQ(waitpid(child, &ended, 0), child);
    from = to;
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) continue;
    const int seed = std::atoi(read_bytes(folder.path("now")).c_str());
    ADD_FAILURE() << "seed " << seed
                  << (WIFSIGNALED(ended) ? fmt::format(": signal {}", WTERMSIG(ended)) : ": exit");
    from = seed + 1;
  }
  EXPECT_EQ(read_bytes(folder.path("wrong")), "");
}

const Communicator& world() {
  static const MpiSession session(nullptr, nullptr);
  static const Communicator comm(MPI_COMM_WORLD);
  return comm;
}

void read_operands(const std::string& path) {
  const io::FileInfo info = io::inspect(world(), path, io::Needs::upstream, {});
  const RowRange all{0, info.problem.shape.total_rows()};
  if (info.dtype == io::DType::f32)
    static_cast<void>(io::read_operands<float>(world(), info, all, io::Needs::upstream));
  else
    static_cast<void>(io::read_operands<double>(world(), info, all, io::Needs::upstream));
}

std::string file_of(FileSpec spec, bool chunked) {
  const Folder folder;
  spec.extra = [](hid_t id) {
    const double scale = 0.25;
    const int causal = 0;
    add_attribute(id, "scale", H5T_NATIVE_DOUBLE, &scale);
    add_attribute(id, "causal", H5T_NATIVE_INT, &causal);
  };
  if (chunked)
    for (auto& [name, dataset] : spec.datasets) {
      dataset.chunk.assign(dataset.dims.size(), 2);
      dataset.deflate = 1;
    }
  spec.write(folder.path("whole.h5"));
  return read_bytes(folder.path("whole.h5"));
}

TEST(HostileOperands, ContiguousAreReadOrRefused) {
  try_all(file_of(operand_spec(), false), read_operands);
}

TEST(HostileOperands, ChunkedAreReadOrRefused) {
  try_all(file_of(operand_spec({2}, H5T_IEEE_F64LE), true), read_operands);
}

/// A small result, made in a child, as this process must not begin MPI.
std::string result_bytes() {
  const Folder folder;
  const pid_t child = fork();
  if (child == 0) {
    const std::vector<float> output(12, 0.5F);
    io::ResultFile file(world(), folder.path("out.h5"), false);
    file.attribute("tattn_version", std::string("0.1.0"));
    for (const char* name : {"command", "options", "method", "source_digest"})
      file.attribute(name, std::string("of the result"));
    file.attribute("request", io::PlainText{"gradient method=auto source=0123456789abcdef"});
    file.dataset("O", {2}, 3, 2, {0, 6}, output.data());
    file.scalar("loss", 1.0);
    file.commit();
    _exit(0);
  }
  int ended = 0;
  EXPECT_EQ(waitpid(child, &ended, 0), child);
  EXPECT_EQ(ended, 0);
  return read_bytes(folder.path("out.h5"));
}

TEST(HostileResults, AreWholeOrNot) {
  try_all(result_bytes(), [](const std::string& path) { static_cast<void>(io::read_origin(path)); });
}

TEST(HostileList, IsReadOrRefused) {
  const std::string list = "# inputs\na.h5\n  b c.h5 \r\n../d/e.h5\n/f.h5\n\n./g.h5\na.h5\nx/a.h5\n";
  try_all(list, [](const std::string& path) {
    for (const auto& entry : service::batch_entries(service::read_list(path), "out"))
      static_cast<void>(service::printable(entry.output + entry.error));
  });
}

/// A checkpoint of a run with a polynomial.
std::string checkpoint_bytes() {
  training::Checkpoint checkpoint;
  checkpoint.problem_digest = "0123456789abcdef";
  checkpoint.state.point = {{1, 2, 3}, {0.5, {4, 5, 6}}};
  checkpoint.state.optimizer.curvature = {{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {1, 0, 1}}};
  checkpoint.state.plan.method = Method::polynomial;
  checkpoint.state.plan.walk = std::make_shared<const plan::Walk>(plan::full_walk(3, 2));
  return training::encode(checkpoint);
}

TEST(HostileCheckpoint, IsLoadedOrRefused) {
  const std::string whole = checkpoint_bytes();
  try_all(whole, [&](const std::string& path) {
    const training::Checkpoint found = training::load(world(), path);
    if (training::encode(found) != whole) throw std::runtime_error("another checkpoint than was written");
  });
}

// Numbers that no digest gives away: another program may have written them.
TEST(HostileCheckpoint, WithAnotherHeaderIsRefusedBeforeItIsRead) {
  std::string header = checkpoint_bytes().substr(0, 32);
  const std::uint64_t claimed = std::uint64_t{1} << 50;
  std::memcpy(header.data() + 16, &claimed, sizeof(claimed));
  try_all(header, [](const std::string& path) { static_cast<void>(training::load(world(), path)); });
}

}  // namespace
}  // namespace tattn::test
