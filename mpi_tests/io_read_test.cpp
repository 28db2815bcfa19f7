// What is read is what was written: any leading dimensions, uneven and empty blocks, chunks, compression, both
// byte orders, cut transfers; and by collective calls.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mpi.h>
#include <rapidcheck/gtest.h>

#include "io/dataset_read.hpp"
#include "io/operand_file.hpp"
#include "io/selection.hpp"
#include "support/file_spec.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using io::DatasetShape;
using io::Needs;
using Dims = std::vector<std::int64_t>;

/// Shares that grow with the rank; the first are empty where ranks are many and rows few.
RowRange uneven_range(std::int64_t rows, const Communicator& comm) {
  const std::int64_t parts = comm.size(), r = comm.rank();
  return {rows * r * r / (parts * parts), rows * (r + 1) * (r + 1) / (parts * parts)};
}

template <class T>
void expect_rows(const std::string& name, std::int64_t columns, RowRange rows, const std::vector<T>& found) {
  ASSERT_EQ(static_cast<std::int64_t>(found.size()), rows.size() * columns) << name;
  for (std::int64_t i = 0; i < rows.size() * columns; ++i)
    ASSERT_EQ(found[static_cast<std::size_t>(i)], static_cast<T>(entry(name, rows.begin * columns + i)))
        << name << " at " << i;
}

class ReadOperands : public testing::Test {
 protected:
  template <class T>
  void expect_read(const FileSpec& spec) {
    if (comm.rank() == 0) spec.write(path);
    comm.barrier();
    const io::FileInfo info = io::inspect(comm, path, Needs::upstream, {});
    const Shape& shape = info.problem.shape;
    const RowRange mine = uneven_range(shape.total_rows(), comm);
    const auto rows = io::read_operands<T>(comm, info, mine, Needs::upstream);
    expect_rows("Q", 4, mine, rows.query);
    expect_rows("dO", 3, mine, rows.upstream);
    for (int u = 0; u < shape.order; ++u) {
      const auto at = static_cast<std::size_t>(u);
      const RowRange keys = even_range(shape.total_key_rows(u), comm.size(), comm.rank());
      EXPECT_EQ(rows.key_rows[at], keys);
      expect_rows(fmt::format("K{}", u + 1), 4, keys, rows.key[at]);
      expect_rows(fmt::format("V{}", u + 1), 3, keys, rows.value[at]);
    }
    const Operands<T> views = rows.views();
    EXPECT_EQ(views.query.data, rows.query.data());
    EXPECT_EQ(views.value[1].rows, rows.key_rows[1]);
  }

  Communicator comm{MPI_COMM_WORLD};
  TestFolder folder{comm};
  std::string path = folder.path("in.h5");
};

TEST_F(ReadOperands, FromNoLeadingDimensionsToThree) {
  for (const Dims& leading : {Dims{}, Dims{2}, Dims{2, 3}, Dims{2, 1, 3}}) {
    expect_read<float>(operand_spec(leading));
    expect_read<double>(operand_spec(leading, H5T_IEEE_F64LE));
  }
}

TEST_F(ReadOperands, ChunkedAndDeflated) {
  for (const unsigned level : {0U, 1U, 6U}) {
    FileSpec spec = operand_spec({2, 3});
    for (auto& [name, dataset] : spec.datasets) dataset.chunk = {1, 2, 3, 2}, dataset.deflate = level;
    expect_read<float>(spec);
  }
}

TEST_F(ReadOperands, OtherByteOrder) {
  expect_read<float>(operand_spec({2}, H5T_IEEE_F32BE));
  expect_read<double>(operand_spec({2}, H5T_IEEE_F64BE));
}

TEST_F(ReadOperands, FactsOfTheFile) {
  FileSpec spec = operand_spec({2, 3}, H5T_IEEE_F64LE);
  spec.datasets["E"] = spec.datasets["dO"];
  spec.datasets.erase("dO");
  const double scale = -0.125;
  spec.extra = [&](hid_t file) { add_attribute(file, "scale", H5T_NATIVE_DOUBLE, &scale); };
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  const io::FileInfo info = io::inspect(comm, path, Needs::upstream, {});
  EXPECT_EQ(info.leading, (Dims{2, 3}));
  EXPECT_EQ(info.dtype, io::DType::f64);
  EXPECT_EQ(info.problem.shape, (Shape{2, 6, 7, {5, 6}, 4, 3}));
  EXPECT_EQ(info.problem.scale, scale);
  EXPECT_FALSE(info.problem.causal);
  EXPECT_TRUE(info.has_target && !info.has_upstream);
  EXPECT_EQ(info.bytes, static_cast<std::int64_t>(std::filesystem::file_size(path)));
  EXPECT_EQ(io::inspect(comm, path, Needs::upstream, {0.5, false}).problem.scale, 0.5);
}

TEST_F(ReadOperands, ScaleDefaultsToOneOverDimAndCausalMayBeATruthValue) {
  FileSpec spec = operand_spec();
  for (const char* name : {"K1", "K2", "V1", "V2"}) spec.datasets[name].dims[0] = 7;
  spec.extra = [](hid_t file) {
    const hid_t truth = H5Tenum_create(H5T_STD_I8LE);  // as h5py writes it
    const signed char no = 0, yes = 1;
    H5Tenum_insert(truth, "FALSE", &no);
    H5Tenum_insert(truth, "TRUE", &yes);
    add_attribute(file, "causal", truth, &yes);
    H5Tclose(truth);
  };
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  const io::FileInfo info = io::inspect(comm, path, Needs::operands, {});
  EXPECT_EQ(info.problem.scale, 0.25);
  EXPECT_TRUE(info.problem.causal);
}

TEST_F(ReadOperands, RowsOfOneDatasetByItsShape) {
  FileSpec spec;
  spec.datasets = {{"O", {{2, 5, 3}}}, {"LSE", {{2, 5}}}};
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  const RowRange mine = uneven_range(10, comm);
  expect_rows("O", 3, mine, io::read_rows<float>(comm, path, "O", mine));
  expect_rows("O", 3, mine, io::read_rows<float>(comm, path, "O", mine, DatasetShape{{2}, 5, 3}));
  expect_rows("LSE", 1, mine, io::read_rows<float>(comm, path, "LSE", mine, DatasetShape{{2}, 5, 0}));
  const RowRange all{0, 10};  // ranges may overlap
  expect_rows("O", 3, all, io::read_rows<float>(comm, path, "O", all));

  const auto refused = [&](const std::string& name, const DatasetShape& shape, RowRange rows) -> std::string {
    try {
      (void)io::read_rows<double>(comm, path, name, rows, shape);
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), Status::input);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refused("O", {{2}, 5, 4}, mine), path + ": dataset 'O' has shape (2, 5, 3), expected (2, 5, 4)");
  EXPECT_EQ(refused("O", {{2}, 5, 3}, mine), path + ": dataset 'O' is of type float32, expected float64");
  EXPECT_EQ(refused("dQ", {{2}, 5, 3}, mine), path + ": dataset 'dQ' is missing");
}

TEST_F(ReadOperands, EveryTransferIsCollective) {
  FileSpec spec;
  spec.datasets = {{"contiguous", {{2, 3, 8, 5}}},
                   {"chunked", {{2, 3, 8, 5}, H5T_IEEE_F32LE, {1, 2, 3, 5}}},
                   {"other order", {{2, 3, 8, 5}, H5T_IEEE_F32BE}}};
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  const io::Handle file =
      io::open_collective(comm, path, static_cast<std::int64_t>(std::filesystem::file_size(path)));
  const RowRange mine = uneven_range(48, comm);
  std::vector<float> rows(static_cast<std::size_t>(mine.size() * 5));
  for (const char* name : {"contiguous", "chunked", "other order"}) {
    const auto report = io::read_dataset(comm, file.get(), path, name, {{2, 3}, 8, 5}, mine, rows.data());
    EXPECT_EQ(report.calls, comm.max(static_cast<std::int64_t>(io::row_boxes({2, 3, 8}, mine).size()))) << name;
    EXPECT_TRUE(report.collective) << name;
    expect_rows(name, 5, mine, rows);
  }
}

TEST_F(ReadOperands, LargeSharesAreCutIntoAsManyCallsOnEveryRank) {
  FileSpec spec;
  spec.datasets = {{"Q", {{2, 3, 8, 5}}}};
  if (comm.rank() == 0) spec.write(path);
  comm.barrier();
  const io::Handle file =
      io::open_collective(comm, path, static_cast<std::int64_t>(std::filesystem::file_size(path)));
  const io::Handle dataset(H5Dopen2(file.get(), "Q", H5P_DEFAULT), H5Dclose);
  const RowRange mine = uneven_range(48, comm);
  std::vector<float> rows(static_cast<std::size_t>(mine.size() * 5));
  const std::int64_t three_rows = 3 * 5 * 4 + 7;
  const auto report =
      io::read_block(comm, {dataset.get(), H5T_NATIVE_FLOAT, {{2, 3}, 8, 5}}, mine, rows.data(), three_rows);
  EXPECT_GE(report.calls, (comm.max(mine.size()) + 2) / 3);
  EXPECT_EQ(report.calls, comm.max(report.calls));
  EXPECT_TRUE(report.collective);
  expect_rows("Q", 5, mine, rows);
}

RC_GTEST_PROP(RowBoxes, MakeUpTheRangeInOrder, ()) {
  const auto dims =
      *rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<Dims>(rc::gen::inRange<std::int64_t>(1, 6))));
  const std::int64_t rows = DatasetShape{{dims.begin(), dims.end() - 1}, dims.back(), 1}.total_rows();
  const std::int64_t begin = *rc::gen::inRange<std::int64_t>(0, rows);
  const std::int64_t end = *rc::gen::inRange<std::int64_t>(begin, rows + 1);
  const auto boxes = io::row_boxes(dims, {begin, end});
  RC_ASSERT(boxes.size() <= 2 * dims.size() - 1);
  std::int64_t next = begin;
  for (const io::Box& box : boxes) {
    std::int64_t first = 0, count = 1;
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      RC_ASSERT(box.start[axis] + box.count[axis] <= static_cast<hsize_t>(dims[axis]));
      first = first * dims[axis] + static_cast<std::int64_t>(box.start[axis]);
      count *= static_cast<std::int64_t>(box.count[axis]);
    }
    RC_ASSERT(first == next);
    next += count;
  }
  RC_ASSERT(next == (begin == end ? begin : end));
}

}  // namespace
}  // namespace tattn::test
