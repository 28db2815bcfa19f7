#include "support/judge.hpp"

#include "comm/communicator.hpp"
#include "support/plain_attention.hpp"

namespace tattn::test {

std::string verdict(MPI_Comm comm, const std::function<std::string()>& judge) {
  const Communicator ranks(comm);
  return ranks.broadcast(ranks.rank() == 0 ? judge() : std::string());
}

void expect_verdict(MPI_Comm comm, const std::function<std::string()>& judge, const std::string& what) {
  const std::string answer = verdict(comm, judge);
  if (rank_of(comm) != 0) return;
  EXPECT_EQ(answer, "") << what << ", " << size_of_comm(comm) << " ranks";
}

std::string first_difference(const std::vector<Arrays>& results, const Arrays& want, const Arrays& bound) {
  for (std::size_t way = 0; way < results.size(); ++way) {
    const std::string difference = first_difference(results[way], want, bound);
    if (!difference.empty()) return "way " + std::to_string(way) + ": " + difference;
  }
  return "";
}

template <class T>
void expect_like_twin(MPI_Comm comm, const Case& c, const std::vector<How>& ways, const std::string& what) {
  const Case same = rounded<T>(c);
  std::vector<Arrays> results;
  for (const How& how : ways) results.push_back(library_attention<T>(comm, same, how));
  const auto judge = [&] {
    return first_difference(results, plain_attention(same), rounding_bound(same, precision_of<T>()));
  };
  expect_verdict(comm, judge, what + (sizeof(T) == 4 ? ", float" : ", double"));
}

Arrays only(const Arrays& all, const std::vector<std::string>& names) {
  Arrays some;
  for (const auto& name : names) some[name] = all.at(name);
  return some;
}

template void expect_like_twin<float>(MPI_Comm, const Case&, const std::vector<How>&, const std::string&);
template void expect_like_twin<double>(MPI_Comm, const Case&, const std::vector<How>&, const std::string&);

}  // namespace tattn::test
