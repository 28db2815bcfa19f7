// Questions to rank 0: all are answered, also while it works, and none is lost at the end.
#include "comm/desk.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <set>
#include <thread>

namespace tattn::test {
namespace {

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// The numbers that the ranks draw are 0, 1, .. without a gap, whoever draws them.
TEST(Desk, HandsEveryNumberOutOnce) {
  const Communicator comm(MPI_COMM_WORLD);
  constexpr int kNumbers = 200;
  int next = 0;
  Desk desk(comm, [&](const std::string&) { return next < kNumbers ? std::to_string(next++) : ""; });
  std::int64_t drawn = 0, sum = 0;
  for (std::string number; !(number = desk.ask("next")).empty(); ++drawn) sum += std::stoi(number);
  desk.close();
  EXPECT_EQ(comm.sum(drawn), kNumbers);
  EXPECT_EQ(comm.sum(sum), kNumbers * (kNumbers - 1) / 2);
}

TEST(Desk, CarriesLongAndEmptyText) {
  const Communicator comm(MPI_COMM_WORLD);
  Desk desk(comm, [](const std::string& question) { return std::to_string(question.size()); });
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20})
    EXPECT_EQ(desk.ask(std::string(length, 'x')), std::to_string(length));
  desk.close();
}

TEST(Desk, IsServedBetweenPiecesOfWork) {
  const Communicator comm(MPI_COMM_WORLD);
  std::set<std::string> asked;
  Desk desk(comm, [&](const std::string& question) {
    asked.insert(question);
    return question;
  });
  if (comm.rank() == 0)
    while (asked.size() + 1 < static_cast<std::size_t>(comm.size())) desk.serve();
  else
    EXPECT_EQ(desk.ask(std::to_string(comm.rank())), std::to_string(comm.rank()));
  desk.close();
}

TEST(Desk, LetsThoseWhoWaitSleep) {
  const Communicator comm(MPI_COMM_WORLD);
  Desk desk(comm, [](const std::string&) { return ""; });
  comm.barrier();
  const double before = cpu_seconds();
  if (comm.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
  static_cast<void>(desk.ask(""));
  desk.close();
  EXPECT_LT(cpu_seconds() - before, 0.25);
}

}  // namespace
}  // namespace tattn::test
