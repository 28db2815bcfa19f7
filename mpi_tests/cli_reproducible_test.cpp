// The same bits again: from the same command at any time, and with --reproducible at any number of ranks.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "io/dataset.hpp"
#include "io/hdf5.hpp"
#include "support/run_program.hpp"
#include "support/test_folder.hpp"

namespace tattn::test {
namespace {

using io::Handle;
using Datasets = std::map<std::string, std::string>;

/// The bytes of every dataset.
Datasets datasets(const std::string& path) {
  const Handle file(TATTN_H5(H5Fopen, path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  Datasets all;
  for (const std::string& name : io::link_names(file.get())) {
    const Handle dataset(TATTN_H5(H5Dopen2, file.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
    const Handle type(TATTN_H5(H5Dget_type, dataset.get()), H5Tclose);
    all[name].resize(TATTN_H5(H5Dget_storage_size, dataset.get()));
    TATTN_H5(H5Dread, dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all[name].data());
  }
  return all;
}

Datasets result_of(const Workshop& shop, const std::string& command, int ranks) {
  const Outcome outcome = shop.tattn(command + " --force --quiet", ranks);
  EXPECT_EQ(outcome.status, 0) << command << ": " << outcome.err;
  return datasets(shop.path("out.h5"));
}

TEST(SameAgain, ForTheSameRanksAndThreads) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 150 --dim 6 --heads 2 --target --spread 0.5").status, 0);
  for (const char* method : {"exact", "polynomial --features 60", "polynomial --features 60 --grid 1,3"}) {
    const std::string command = fmt::format("gradient in.h5 out.h5 --threads 2 --method {}", method);
    const Datasets first = result_of(shop, command, 3);
    EXPECT_EQ(first.size(), 8U);
    EXPECT_EQ(result_of(shop, command, 3), first) << method;
  }
}

TEST(Reproducible, GradientOfOperandFiles) {
  const Workshop shop;
  for (const char* file :
       {"--order 1 --rows 700 --target", "--order 2 --rows 200 --heads 2 --dtype f64 --upstream"}) {
    ASSERT_EQ(shop.tattn(fmt::format("generate in.h5 --dim 5 --spread 0.5 --force {}", file)).status, 0);
    for (const char* method : {"exact", "polynomial --features 60", "auto"}) {
      const std::string command = fmt::format("gradient in.h5 out.h5 --reproducible --method {}", method);
      const Datasets alone = result_of(shop, command, 1);
      for (const int ranks : {2, 3, 4, 7}) EXPECT_EQ(result_of(shop, command, ranks), alone) << command << ranks;
    }
  }
}

TEST(Reproducible, LossAndWeightsOfProblemFiles) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --problem --rows 200 --key-rows 70,90 --dim 4 --model-dim 5").status, 0);
  for (const char* command :
       {"gradient in.h5 out.h5 --method exact", "gradient in.h5 out.h5 --method polynomial",
        "train in.h5 out.h5 --steps 4 --method exact", "train in.h5 out.h5 --steps 4 --method polynomial"}) {
    const std::string reproducible = fmt::format("{} --reproducible", command);
    const Datasets alone = result_of(shop, reproducible, 1);
    for (const int ranks : {2, 3, 7}) EXPECT_EQ(result_of(shop, reproducible, ranks), alone) << command << ranks;
  }
}

TEST(Reproducible, IsRefusedWhereItIsNotPossible) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 9 --dim 3").status, 0);
  expect_refused(shop, "forward in.h5 out.h5 --reproducible --method dense", 2, 2, "--method dense cannot be");
  expect_refused(shop, "forward in.h5 out.h5 --reproducible --method polynomial --grid 1,2", 2, 2,
                 "one feature group");
  ASSERT_EQ(shop.tattn("generate problem.h5 --problem --rows 9 --dim 3 --model-dim 2").status, 0);
  expect_refused(shop, "gradient problem.h5 out.h5 --reproducible --full-gradient", 1, 2,
                 "cannot be --reproducible");
}

TEST(IoHints, ReachMpiAndChangeNothingElse) {
  const Workshop shop;
  const std::string hints = " --io-hints striping_factor=2,cb_nodes=1,romio_cb_write=enable";
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 40 --dim 3" + hints, 2).status, 0);
  const Datasets without = result_of(shop, "forward in.h5 out.h5 --method exact", 2);
  EXPECT_EQ(result_of(shop, "forward in.h5 out.h5 --method exact" + hints, 2), without);
}

TEST(IoHints, AreRefusedUnlessKeysAndValues) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 9 --dim 3").status, 0);
  for (const std::string hints :
       {"cb_nodes", "=4", "cb_nodes=", "cb_nodes=4,", "cb_nodes=4,cb_nodes=5", "'cb nodes=4'", "cb_nodes=4,,a=b"})
    expect_refused(shop, "forward in.h5 out.h5 --io-hints " + hints, 2, 2, "expected KEY=VALUE");
}

TEST(LogFolder, ThatIsMissingIsRefusedByEveryCommand) {
  const Workshop shop;
  ASSERT_EQ(shop.tattn("generate in.h5 --rows 9 --dim 3").status, 0);
  for (const char* command :
       {"info in.h5", "plan in.h5", "forward in.h5 out.h5", "generate out.h5 --rows 3 --dim 2"})
    expect_refused(shop, fmt::format("{} --log-file none/log", command), 2, 2, "folder none does not exist");
  expect_refused(shop, "info in.h5 --log-file .", 1, 2, "is a folder");
}

}  // namespace
}  // namespace tattn::test
