// A result file is whole or not there, its bytes depend on its contents only, and one run at a time writes it.
#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "io/hdf5.hpp"
#include "io/operand_file.hpp"
#include "io/result_file.hpp"
#include "io/temporary_file.hpp"
#include "support/file_spec.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using io::DatasetShape;
using io::ResultFile;
using Names = std::vector<std::string>;

template <class T>
std::vector<T> rows_of(const std::string& name, RowRange rows, std::int64_t columns) {
  std::vector<T> result;
  for (std::int64_t i = rows.begin * columns; i < rows.end * columns; ++i)
    result.push_back(static_cast<T>(entry(name, i)));
  return result;
}

class WriteResult : public testing::Test {
 protected:
  /// Some of everything; rank r writes its even share, nothing where ranks are more than rows.
  static void fill(const Communicator& comm, ResultFile& file) {
    file.attribute("command", std::string("tattn gradient in.h5 out.h5"));
    file.attribute("note", std::string());
    file.attribute("scale", 0.25);
    file.attribute("ranks", std::int64_t{3});
    file.attribute("created", std::string("2024-05-16T00:00:0") + std::to_string(comm.rank() % 10));
    const RowRange mine = even_range(2 * 3 * 2, comm.size(), comm.rank());
    const auto output = rows_of<float>("O", mine, 5);
    const auto lse = rows_of<double>("LSE", mine, 1);
    EXPECT_TRUE(file.dataset("O", {2, 3}, 2, 5, mine, output.data()).collective);
    EXPECT_TRUE(file.dataset("LSE", {2, 3}, 2, 0, mine, lse.data()).collective);
    file.scalar("loss", 1.5 + comm.rank());
  }

  void expect_whole() const {
    const RowRange mine = even_range(12, comm.size(), comm.rank());
    EXPECT_EQ(io::read_rows<float>(comm, path, "O", mine, DatasetShape{{2, 3}, 2, 5}),
              rows_of<float>("O", mine, 5));
    EXPECT_EQ(io::read_rows<double>(comm, path, "LSE", mine, DatasetShape{{2, 3}, 2, 0}),
              rows_of<double>("LSE", mine, 1));
  }

  /// Runs `step`, which every rank must see fail in the same way; returns the message.
  std::string failure(Status status, const std::function<void()>& step) const {
    try {
      step();
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), status) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "nothing went wrong";
    return "";
  }

  void on_root(const std::function<void()>& step) const {
    if (comm.rank() == 0) step();
    comm.barrier();
  }

  Communicator comm{MPI_COMM_WORLD};
  TestFolder folder{comm};
  std::string path = folder.path("out.h5");
};

TEST_F(WriteResult, IsReadBackAndLeavesNothingElse) {
  {
    ResultFile file(comm, path, false);
    fill(comm, file);
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  EXPECT_EQ(folder.names(), Names{"out.h5"});
  expect_whole();
  on_root([&] {
    const io::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    const io::Handle loss(H5Dopen2(file.get(), "loss", H5P_DEFAULT), H5Dclose);
    double value = 0;
    EXPECT_GE(H5Dread(loss.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value), 0);
    EXPECT_EQ(value, 1.5);
    std::int64_t ranks = 0;
    const io::Handle attribute(H5Aopen(file.get(), "ranks", H5P_DEFAULT), H5Aclose);
    EXPECT_GE(H5Aread(attribute.get(), H5T_NATIVE_INT64, &ranks), 0);
    EXPECT_EQ(ranks, 3);
  });
}

TEST_F(WriteResult, BytesDoNotDependOnTheNumberOfRanks) {
  const std::string alone = folder.path("alone.h5");
  if (comm.rank() == 0) {
    const Communicator self(MPI_COMM_SELF);
    ResultFile file(self, alone, false);
    fill(self, file);
    file.commit();
  }
  ResultFile file(comm, path, false);
  fill(comm, file);
  file.commit();
  comm.barrier();
  EXPECT_TRUE(read_bytes(path) == read_bytes(alone));
}

TEST_F(WriteResult, WithoutCommitAnOlderFileStaysAsItWas) {
  on_root([&] { write_bytes(path, "older"); });
  {
    ResultFile file(comm, path, true);
    fill(comm, file);
  }
  comm.barrier();
  EXPECT_EQ(read_bytes(path), "older");
  EXPECT_EQ(folder.names(), Names{"out.h5"});
}

TEST_F(WriteResult, ExistingFileIsReplacedOnlyWhenAsked) {
  on_root([&] { write_bytes(path, "older"); });
  EXPECT_EQ(failure(Status::usage, [&] { const ResultFile file(comm, path, false); }),
            path + ": exists: add --force to replace it, or give another name");
  EXPECT_EQ(read_bytes(path), "older");
  EXPECT_EQ(folder.names(), Names{"out.h5"});
  ResultFile file(comm, path, true);
  fill(comm, file);
  file.commit();
  expect_whole();
}

TEST_F(WriteResult, FileMadeMeanwhileIsNotReplaced) {
  {
    ResultFile file(comm, path, false);
    fill(comm, file);
    on_root([&] { write_bytes(path, "somebody's"); });
    EXPECT_EQ(failure(Status::failed, [&] { file.commit(); }),
              path + ": was made by somebody else meanwhile: give another name");
  }
  comm.barrier();
  EXPECT_EQ(read_bytes(path), "somebody's");
  EXPECT_EQ(folder.names(), Names{"out.h5"});
}

TEST_F(WriteResult, SecondRunIsRefusedAndTheFirstGoesOn) {
  ResultFile first(comm, path, false);
  EXPECT_EQ(failure(Status::failed, [&] { const ResultFile second(comm, path, false); }),
            path + ": is being written by another run: wait for it, or give another name");
  fill(comm, first);
  first.commit();
  expect_whole();
  ResultFile third(comm, path, true);  // the lock went with the first
  fill(comm, third);
  third.commit();
  expect_whole();
}

TEST_F(WriteResult, WhatAKilledRunLeftIsReplacedAndItsLastRanksWriteIntoNothing) {
  std::ofstream last_rank;
  on_root([&] {
    write_bytes(io::partial_name(path), std::string(100000, 'x'));
    last_rank.open(io::partial_name(path), std::ios::in | std::ios::out);
  });
  ResultFile file(comm, path, false);
  fill(comm, file);
  on_root([&] { last_rank << std::string(100000, 'y') << std::flush; });
  file.commit();
  expect_whole();
  EXPECT_EQ(folder.names(), Names{"out.h5"});
}

TEST_F(WriteResult, PlacesThatCannotBeWritten) {
  const std::string missing = folder.path("missing/out.h5"), file = folder.path("file");
  on_root([&] {
    write_bytes(file, "");
    mkdir(path.c_str(), 0755);
  });
  const auto refused = [&](const std::string& name) {
    return failure(Status::usage, [&] { const ResultFile result(comm, name, true); });
  };
  EXPECT_EQ(refused(path), path + ": is a folder: expected a file name");
  EXPECT_EQ(refused(missing),
            missing + ": its folder '" + folder.path("missing/") + "' cannot be used: No such file or directory");
  EXPECT_EQ(refused(file + "/out.h5"),
            file + "/out.h5: its folder '" + file + "/' cannot be used: Not a directory");
  EXPECT_EQ(refused(folder.path("")), folder.path("") + ": is a folder: expected a file name");
  EXPECT_NE(refused(folder.path(std::string(300, 'n'))).find("File name too long"), std::string::npos);
  const OrdinaryUser user;
  const std::string shut = folder.path("shut.h5");
  EXPECT_EQ(refused(shut), shut + ": its folder '" + folder.path("") + "' is not writable: Permission denied");
}

/// While it lives no file of this process may grow beyond `bytes`: as good as a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST_F(WriteResult, FullDiskIsOneClearLineAndLeavesTheOlderFile) {
  on_root([&] { write_bytes(path, "older"); });
  const std::int64_t rows = 1 << 16;
  const RowRange mine = even_range(rows, comm.size(), comm.rank());
  const std::vector<float> data(static_cast<std::size_t>(mine.size() * 16));
  {
    ResultFile file(comm, path, true);
    const FileSizeLimit limit(1 << 20);
    const std::string message =
        failure(Status::failed, [&] { file.dataset("O", {}, rows, 16, mine, data.data()); });
    EXPECT_EQ(message.rfind(path + ": dataset 'O' would end at byte ", 0), 0U) << message;
    EXPECT_NE(message.find(", but a file of this process may have 1048576 at most"), std::string::npos) << message;
  }
  comm.barrier();
  EXPECT_EQ(read_bytes(path), "older");
  EXPECT_EQ(folder.names(), Names{"out.h5"});
}

}  // namespace
}  // namespace tattn::test
