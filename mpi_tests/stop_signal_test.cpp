// Signals that ask for a stop: remembered, told to every rank, and without effect afterwards.
#include "stop_signal.hpp"

#include <gtest/gtest.h>

namespace tattn::test {
namespace {

class Stop : public testing::TestWithParam<int> {};

TEST_P(Stop, OfOneRankIsKnownToAll) {
  const Communicator comm(MPI_COMM_WORLD);
  for (int signalled = 0; signalled < comm.size(); ++signalled) {
    const StopSignal stop;
    EXPECT_FALSE(stop.requested(comm));
    if (comm.rank() == signalled) {
      ASSERT_EQ(raise(GetParam()), 0);
    }
    EXPECT_EQ(stop.requested(), comm.rank() == signalled);
    EXPECT_TRUE(stop.requested(comm));
    EXPECT_TRUE(stop.requested(comm));  // it stays
  }
}

TEST_P(Stop, PutsTheHandlerOfBeforeBack) {
  static int calls = 0;
  calls = 0;
  struct sigaction counting {
  }, before{};
  counting.sa_handler = [](int) { ++calls; };
  sigaction(GetParam(), &counting, &before);
  {
    const StopSignal stop;
    raise(GetParam());
    EXPECT_TRUE(stop.requested());
    EXPECT_EQ(calls, 0);
  }
  raise(GetParam());
  EXPECT_EQ(calls, 1);
  sigaction(GetParam(), &before, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Signals, Stop, testing::Values(SIGTERM, SIGUSR1));

}  // namespace
}  // namespace tattn::test
