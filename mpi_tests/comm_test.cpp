// The communicator and the row exchange: what every collective step of the library rests on.
#include "comm/communicator.hpp"

#include <gtest/gtest.h>

#include <new>
#include <numeric>

#include "comm/pending_sums.hpp"
#include "comm/row_exchange.hpp"
#include "support/scatter.hpp"
#include "tattn/error.hpp"

namespace tattn::test {
namespace {

TEST(Communicator, IsADuplicateWithTheSameRanks) {
  const Communicator comm(MPI_COMM_WORLD);
  int relation = MPI_UNEQUAL;
  ASSERT_EQ(MPI_Comm_compare(MPI_COMM_WORLD, comm.handle(), &relation), MPI_SUCCESS);
  EXPECT_EQ(relation, MPI_CONGRUENT);
  EXPECT_EQ(comm.rank(), rank_of(MPI_COMM_WORLD));
  EXPECT_EQ(comm.size(), size_of_comm(MPI_COMM_WORLD));
}

TEST(Communicator, MovesItsHandle) {
  Communicator first(MPI_COMM_WORLD);
  const MPI_Comm handle = first.handle();
  const Communicator second(std::move(first));
  EXPECT_EQ(second.handle(), handle);
  EXPECT_EQ(second.sum(std::int64_t{1}), second.size());
}

TEST(Communicator, Reduces) {
  const Communicator comm(MPI_COMM_WORLD);
  const std::int64_t ranks = comm.size(), rank = comm.rank(), large = std::int64_t{1} << 40;
  EXPECT_EQ(comm.sum(large + rank), ranks * large + ranks * (ranks - 1) / 2);
  EXPECT_EQ(comm.max(large - rank), large);
  EXPECT_EQ(comm.min(large - rank), large - ranks + 1);
  EXPECT_EQ(comm.max(0.5 * static_cast<double>(rank)), 0.5 * static_cast<double>(ranks - 1));
  EXPECT_EQ(comm.min(-0.5 * static_cast<double>(rank)), -0.5 * static_cast<double>(ranks - 1));
  EXPECT_EQ(comm.gather_all(10 * rank).at(ranks - 1), 10 * (ranks - 1));
  EXPECT_EQ(comm.gather_all(10 * rank).size(), static_cast<std::size_t>(ranks));
  EXPECT_TRUE(comm.all(true));
  EXPECT_FALSE(comm.all(rank != ranks - 1));
}

TEST(Communicator, AddsInRankOrder) {
  const Communicator comm(MPI_COMM_WORLD);
  const auto value = [](int r) { return r % 2 == 0 ? 1e16 / (r + 1) : 1.0 / 3.0; };
  double total = 0;
  for (int r = 0; r < comm.size(); ++r) total += value(r);
  EXPECT_EQ(comm.sum(value(comm.rank())), total);
}

TEST(Communicator, BroadcastsTextFromAnyRank) {
  const Communicator comm(MPI_COMM_WORLD);
  for (int root = 0; root < comm.size(); ++root)
    EXPECT_EQ(comm.broadcast("from " + std::to_string(comm.rank()), root), "from " + std::to_string(root));
  EXPECT_EQ(comm.broadcast(comm.rank() == 0 ? "" : "dropped"), "");
}

TEST(Communicator, SplitsByColourInOrder) {
  const Communicator comm(MPI_COMM_WORLD);
  const Communicator part = comm.split(comm.rank() % 3);
  EXPECT_EQ(part.rank(), comm.rank() / 3);
  EXPECT_EQ(part.size(), (comm.size() + 2 - comm.rank() % 3) / 3);
  std::vector<std::int64_t> expected;
  for (int rank = comm.rank() % 3; rank < comm.size(); rank += 3) expected.push_back(rank);
  EXPECT_EQ(part.gather_all(comm.rank()), expected);
}

TEST(Communicator, CountsItsNode) {
  const Communicator comm(MPI_COMM_WORLD);
  EXPECT_GE(comm.ranks_on_node(), 1);
  EXPECT_LE(comm.ranks_on_node(), comm.size());
}

TEST(Agree, IsSilentWhenNobodyFails) {
  const Communicator comm(MPI_COMM_WORLD);
  int runs = 0;
  EXPECT_NO_THROW(comm.agree([&] { ++runs; }));
  EXPECT_EQ(runs, 1);
}

// Ranks `first` and up fail, each with a message of its own: all must throw that of `first`.
TEST(Agree, ThrowsTheErrorOfTheLowestRankEverywhere) {
  const Communicator comm(MPI_COMM_WORLD);
  for (int first = 0; first < comm.size(); ++first) {
    try {
      comm.agree([&] {
        if (comm.rank() >= first) throw Error(Status::input, "rank " + std::to_string(comm.rank()));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.what(), "rank " + std::to_string(first));
      EXPECT_EQ(error.status(), Status::input);
    }
  }
  comm.barrier();
}

TEST(Agree, TurnsLackOfMemoryOfOneRankIntoAnError) {
  const Communicator comm(MPI_COMM_WORLD);
  try {
    comm.agree([&] {
      if (comm.rank() == comm.size() - 1) throw std::bad_alloc();
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::failed);
    EXPECT_NE(std::string(error.what()).find("memory"), std::string::npos);
  }
}

// Several under way at a time, of any length, moved on by some ranks only.
TEST(PendingSums, AreTheSums) {
  const Communicator comm(MPI_COMM_WORLD);
  PendingSums sums(comm);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::vector<double>> arrays;
    for (const std::size_t count : {0U, 1U, 1000U, 100000U})
      arrays.push_back(std::vector<double>(count, 1.0 + comm.rank()));
    for (auto& array : arrays) sums.start(array.data(), static_cast<std::int64_t>(array.size()));
    for (int step = 0; step < 10 * comm.rank(); ++step) sums.advance();
    sums.wait();
    const double expected = 0.5 * comm.size() * (comm.size() + 1);
    for (const auto& array : arrays) EXPECT_EQ(array, std::vector<double>(array.size(), expected));
  }
}

TEST(PendingSums, CountWhatTheySend) {
  const Communicator comm(MPI_COMM_WORLD);
  std::vector<double> array(10, 1.0);
  {
    PendingSums sums(comm);
    sums.start(array.data(), 10);
  }
  EXPECT_EQ(comm.bytes_sent(), comm.size() > 1 ? 80 : 0);
  EXPECT_EQ(array, std::vector<double>(10, comm.size()));
}

/// What a rank wants: overlapping, empty and whole ranges side by side.
RowRange wanted_range(const Communicator& comm, std::int64_t rows, int pattern) {
  const std::int64_t rank = comm.rank();
  switch (pattern) {
    case 0:
      return {0, rows};
    case 1:
      return rank % 2 == 0 ? RowRange{} : RowRange{0, rows};
    case 2:
      return {std::min(rank, rows), std::min(rank + 3, rows)};
    default:
      return even_range(rows, comm.size(), (comm.rank() + 1) % comm.size());
  }
}

struct Exchange {
  std::int64_t rows, columns;
  Cut cut;
  int pattern;
};

std::vector<Exchange> exchanges() {
  std::vector<Exchange> all;
  for (const std::int64_t rows : {1, 2, 5, 23})
    for (const Cut cut : kCuts)
      for (int pattern = 0; pattern < 4; ++pattern) all.push_back({rows, 1 + rows % 3, cut, pattern});
  return all;
}

template <class T>
class RowExchange : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(RowExchange, Types);

TYPED_TEST(RowExchange, FetchesWhatIsWanted) {
  using T = TypeParam;
  const Communicator comm(MPI_COMM_WORLD);
  for (const auto& [rows, columns, cut, pattern] : exchanges()) {
    Matrix all(rows * columns);
    std::iota(all.begin(), all.end(), 1);
    LocalRows<T> mine(all, cut_rows(cut, rows, comm.size(), comm.rank()), columns);
    const RowRange wanted = wanted_range(comm, rows, pattern);
    const std::vector<T> got = fetch_rows<T>(comm, mine.block(), wanted, columns);
    const std::vector<T> expected(all.begin() + wanted.begin * columns, all.begin() + wanted.end * columns);
    EXPECT_EQ(got, expected) << rows << " rows, pattern " << pattern;
  }
}

// <fetch x, y> summed over the ranks = <x, sum y>, without any rounding for small integers.
TYPED_TEST(RowExchange, SumsAsTheAdjointOfFetching) {
  using T = TypeParam;
  const Communicator comm(MPI_COMM_WORLD);
  for (const auto& [rows, columns, cut, pattern] : exchanges()) {
    const RowRange owned = cut_rows(cut, rows, comm.size(), comm.rank());
    Matrix x(rows * columns);
    std::iota(x.begin(), x.end(), -2);
    LocalRows<T> mine(x, owned, columns), sums(owned, columns);
    const RowRange held = wanted_range(comm, rows, pattern);
    const std::vector<T> fetched = fetch_rows<T>(comm, mine.block(), held, columns);
    std::vector<double> y(fetched.size());
    std::iota(y.begin(), y.end(), 5 * comm.rank() - 7);

    sum_rows<T>(comm, y.data(), held, Block<T>{sums.data_or_null(), owned}, columns);

    const double left = comm.sum(std::inner_product(y.begin(), y.end(), fetched.begin(), 0.0));
    const Matrix total = sums.gather(comm.handle(), rows);
    EXPECT_EQ(left, std::inner_product(x.begin(), x.end(), total.begin(), 0.0))
        << rows << " rows, pattern " << pattern;
  }
}

TYPED_TEST(RowExchange, WritesZeroWhereNobodyHoldsAnything) {
  using T = TypeParam;
  const Communicator comm(MPI_COMM_WORLD);
  const RowRange owned = even_range(9, comm.size(), comm.rank());
  LocalRows<T> sums(owned, 2);
  sum_rows<T>(comm, nullptr, RowRange{}, Block<T>{sums.data_or_null(), owned}, 2);
  EXPECT_EQ(sums.gather(comm.handle(), 9), Matrix(18, 0.0));
}

TYPED_TEST(RowExchange, AddsInRankOrderInDouble) {
  using T = TypeParam;
  const Communicator comm(MPI_COMM_WORLD);
  const auto share = [](int r) { return r % 2 == 0 ? 1.0 / (r + 1) : 1e8 / 3; };
  const RowRange owned = even_range(1, comm.size(), comm.rank());
  const double mine = share(comm.rank());
  LocalRows<T> sums(owned, 1);
  sum_rows<T>(comm, &mine, RowRange{0, 1}, Block<T>{sums.data_or_null(), owned}, 1);
  double total = 0;
  for (int r = 0; r < comm.size(); ++r) total += share(r);
  EXPECT_EQ(sums.gather(comm.handle(), 1)[0], static_cast<double>(static_cast<T>(total)));
}

TEST(RowExchangeBytes, AreThoseThatLeaveTheRank) {
  const Communicator comm(MPI_COMM_WORLD);
  const std::int64_t rows = 6 * comm.size();
  const RowRange owned = even_range(rows, comm.size(), comm.rank());
  LocalRows<double> mine(Matrix(rows * 2, 1.0), owned, 2);
  ASSERT_EQ(fetch_rows<double>(comm, mine.block(), RowRange{0, rows}, 2).size(),
            static_cast<std::size_t>(2 * rows));
  EXPECT_EQ(comm.bytes_sent(), (comm.size() - 1) * 6 * 2 * 8);
}

}  // namespace
}  // namespace tattn::test
