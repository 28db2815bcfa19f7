// Paths that are no operand file at all, files damaged after they were written, and entries that are not finite.
#include <gtest/gtest.h>
#include <mpi.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "io/operand_file.hpp"
#include "support/file_spec.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using io::Needs;

class UnreadableFile : public testing::Test {
 protected:
  void on_root(const std::function<void()>& step) {
    if (comm.rank() == 0) step();
    comm.barrier();
  }

  void expect_refused(const std::string& message) {
    try {
      (void)io::inspect(comm, path, Needs::operands, {});
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::input);
      EXPECT_EQ(error.what(), path + ": " + message);
    }
  }

  Communicator comm{MPI_COMM_WORLD};
  TestFolder folder{comm};
  std::string path = folder.path("in.h5");
};

TEST_F(UnreadableFile, Missing) {
  expect_refused("there is no such file: expected an HDF5 file, check the path");
}

TEST_F(UnreadableFile, Empty) {
  on_root([&] { write_bytes(path, ""); });
  expect_refused("is empty (0 bytes): expected an HDF5 file");
}

TEST_F(UnreadableFile, Text) {
  on_root([&] { write_bytes(path, "0.5 1.5 2.5\n"); });
  expect_refused("is not an HDF5 file: expected one with the datasets Q, K1, V1 and so on");
}

TEST_F(UnreadableFile, Folder) {
  on_root([&] { mkdir(path.c_str(), 0755); });
  expect_refused("is a folder: expected an HDF5 file");
}

TEST_F(UnreadableFile, PipeIsNotWaitedFor) {
  on_root([&] { mkfifo(path.c_str(), 0644); });
  expect_refused("is not a plain file: expected an HDF5 file");
}

TEST_F(UnreadableFile, NoPermission) {
  on_root([&] {
    operand_spec().write(path);
    chmod(path.c_str(), 0);
  });
  const OrdinaryUser user;
  expect_refused("cannot be opened for reading: Permission denied");
}

TEST_F(UnreadableFile, Truncated) {
  std::int64_t size = 0;
  on_root([&] {
    operand_spec().write(path);
    size = static_cast<std::int64_t>(std::filesystem::file_size(path));
    std::filesystem::resize_file(path, static_cast<std::uintmax_t>(size / 2));
  });
  size = comm.max(size);
  expect_refused("is truncated: " + std::to_string(size / 2) + " bytes are there, but " + std::to_string(size) +
                 " were written: copy or make it again");
}

TEST_F(UnreadableFile, CutInsideItsHead) {
  on_root([&] {
    operand_spec().write(path);
    std::filesystem::resize_file(path, 20);
  });
  try {
    (void)io::inspect(comm, path, Needs::operands, {});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    EXPECT_EQ(std::string(error.what()).rfind(path + ": cannot be opened: H5Fopen: ", 0), 0U) << error.what();
  }
}

TEST_F(UnreadableFile, EntriesInOtherFiles) {
  on_root([&] {
    FileSpec spec = operand_spec();
    spec.datasets.erase("Q");
    spec.extra = [](hid_t file) {
      const hsize_t dims[] = {7, 4};
      const hid_t space = H5Screate_simple(2, dims, nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
      H5Pset_virtual(how, space, "other.h5", "Q", space);
      H5Dclose(H5Dcreate2(file, "Q", H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT));
      H5Pclose(how);
      H5Sclose(space);
    };
    spec.write(path);
  });
  expect_refused("dataset 'Q' is virtual, its entries are in other files: copy them into this one with h5repack");
}

constexpr H5Z_filter_t kFilter = 305;  // one that nobody has registered

std::size_t pass_through(unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) {
  return bytes;
}

TEST_F(UnreadableFile, FilterThatIsNotThere) {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, kFilter, 1, 1, "rare", nullptr, nullptr, pass_through};
  H5Zregister(&filter);
  on_root([&] {
    FileSpec spec = operand_spec();
    spec.extra = [](hid_t file) {
      const hsize_t dims[] = {7, 4};
      const float zeros[28] = {};
      const hid_t space = H5Screate_simple(2, dims, nullptr), how = H5Pcreate(H5P_DATASET_CREATE);
      H5Pset_chunk(how, 2, dims);
      H5Pset_filter(how, kFilter, H5Z_FLAG_MANDATORY, 0, nullptr);
      const hid_t dataset = H5Dcreate2(file, "Q", H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT);
      H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros);
      H5Dclose(dataset);
      H5Pclose(how);
      H5Sclose(space);
    };
    spec.datasets.erase("Q");
    spec.write(path);
  });
  H5Zunregister(kFilter);  // by every rank: it flushes all files that are open, also those given up on a full disk
  expect_refused(
      "dataset 'Q' is compressed by filter 305 ('rare'), which this HDF5 does not have: repack it with h5repack "
      "-f GZIP=1");
}

TEST_F(UnreadableFile, ScaleOfTheCommandLineMustBeFinite) {
  on_root([&] { operand_spec().write(path); });
  try {
    (void)io::inspect(comm, path, Needs::operands, {std::numeric_limits<double>::infinity(), false});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::usage);
    EXPECT_STREQ(error.what(), "--scale is inf, expected a finite number");
  }
}

/// What reading the file says: empty when nothing is wrong.
std::string read_all(const Communicator& comm, const std::string& path) {
  try {
    const io::FileInfo info = io::inspect(comm, path, Needs::upstream, {});
    (void)io::read_operands<float>(
        comm, info, even_range(info.problem.shape.total_rows(), comm.size(), comm.rank()), Needs::upstream);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    return error.what();
  }
}

TEST_F(UnreadableFile, FirstRowWithNaNIsNamed) {
  on_root([&] {
    FileSpec spec = operand_spec();
    spec.datasets["K2"].entries = {{4 * 4 + 1, std::nan("")}, {2 * 4 + 3, INFINITY}, {5 * 4, std::nan("")}};
    spec.write(path);
  });
  EXPECT_EQ(read_all(comm, path), path + ": dataset 'K2' has inf in row 2, column 3: expected finite numbers only");
}

TEST_F(UnreadableFile, RowOfASliceIsNamedByItsIndex) {
  on_root([&] {
    FileSpec spec = operand_spec({2, 3});
    const std::int64_t row = (1 * 3 + 2) * 7 + 5;  // [1, 2, 5]
    spec.datasets["dO"].entries = {{row * 3 + 1, -INFINITY}, {6 * 7 * 3 - 1, INFINITY}};
    spec.write(path);
  });
  EXPECT_EQ(read_all(comm, path),
            path + ": dataset 'dO' has -inf in row [1,2,5], column 1: expected finite numbers only");
}

}  // namespace
}  // namespace tattn::test
