// Lists of a batch: what is a path, what is a comment, and which inputs would write the same result.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "service/batch_list.hpp"
#include "support/test_folder.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

using service::parse_list;
using Paths = std::vector<std::string>;

void expect_input_error(const std::function<void()>& step, const std::string& says) {
  try {
    step();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::input);
    EXPECT_NE(std::string(error.what()).find(says), std::string::npos) << error.what();
  }
}

TEST(ParseList, TakesALineAsItStands) {
  EXPECT_EQ(parse_list("l", "a.h5\nb c.h5\n  d.h5 \n"), (Paths{"a.h5", "b c.h5", "  d.h5 "}));
  EXPECT_EQ(parse_list("l", "a.h5\r\n\r\nb.h5"), (Paths{"a.h5", "b.h5"}));
  EXPECT_EQ(parse_list("l", "# all\n\n \t\n  # of them\na#1.h5\n"), (Paths{"a#1.h5"}));
}

TEST(ParseList, RefusesWhatIsNoList) {
  expect_input_error([] { static_cast<void>(parse_list("l", "# none\n")); }, "l: lists no path");
  expect_input_error([] { static_cast<void>(parse_list("l", "")); }, "lists no path");
  expect_input_error([] { static_cast<void>(parse_list("l", std::string("a\0b\n", 4))); }, "zero byte");
}

TEST(ReadList, TakesTheVisibleFilesOfAFolder) {
  const Communicator comm(MPI_COMM_WORLD);
  const TestFolder folder(comm);
  for (const char* name : {"b.h5", "a b.h5", "line\nend.h5", ".hidden.h5", "c.txt"})
    write_bytes(folder.path(name), "");
  EXPECT_EQ(service::read_list(folder.path("")),
            (Paths{folder.path("a b.h5"), folder.path("b.h5"), folder.path("line\nend.h5")}));
  std::filesystem::create_directory(folder.path("empty"));
  expect_input_error([&] { static_cast<void>(service::read_list(folder.path("empty"))); }, "holds no *.h5");
  expect_input_error([&] { static_cast<void>(service::read_list(folder.path("none"))); }, "there is no such");
}

TEST(ReadList, DropsBlanksAroundAPathThatIsThereWithoutThem) {
  const Communicator comm(MPI_COMM_WORLD);
  const TestFolder folder(comm);
  const std::string a = folder.path("a.h5"), b = folder.path("b.h5 ");
  write_bytes(a, "");
  write_bytes(b, "");
  write_bytes(folder.path("list"), "  " + a + " \n" + b + "\nnone.h5 \n");
  EXPECT_EQ(service::read_list(folder.path("list")), (Paths{a, b, "none.h5 "}));
}

TEST(BatchEntries, GoToTheFolderByTheirNames) {
  const auto entries = service::batch_entries({"x/a.h5", "b.h5", "no/dir/../c.h5"}, "out");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].output, "out/a.h5");
  EXPECT_EQ(entries[1].output, "out/b.h5");
  EXPECT_EQ(entries[2].output, "out/c.h5");
  for (const auto& entry : entries) EXPECT_EQ(entry.error, "");
}

TEST(BatchEntries, TellTheSameFileFromTheSameName) {
  const auto entries = service::batch_entries({"x/a.h5", "y/a.h5", "./x/../x/a.h5", "x/a.h5"}, "out");
  EXPECT_FALSE(entries[1].twice);
  EXPECT_NE(entries[1].error.find("has the name of 'x/a.h5'"), std::string::npos) << entries[1].error;
  EXPECT_TRUE(entries[2].twice);
  EXPECT_TRUE(entries[3].twice);
  EXPECT_EQ(entries[0].error, "");
}

TEST(BatchEntries, RefuseNamesThatCannotBe) {
  const auto entries = service::batch_entries({"x/batch.jsonl", "x/", "..", "/"}, "out");
  for (const auto& entry : entries) EXPECT_NE(entry.error, "") << entry.input;
}

TEST(Printable, IsOneLine) {
  EXPECT_EQ(service::printable("a b\n\tc\x01\x7f é"), "a b\\n\\tc\\x01\\x7f é");
}

}  // namespace
}  // namespace tattn::test
