#pragma once
// Rank 0 judges for all: it alone computes the twin and its bounds, the other ranks wait for the verdict.
// So every rank takes the same path through a test, and a failure is told once.
#include <functional>

#include "support/scatter.hpp"
#include "support/tolerance.hpp"

namespace tattn::test {

/// "" when all is well. `judge` runs on rank 0 alone; every rank gets its answer. Collective.
std::string verdict(MPI_Comm comm, const std::function<std::string()>& judge);

/// Fails the test on rank 0 when the answer of `judge` is not empty. Collective.
void expect_verdict(MPI_Comm comm, const std::function<std::string()>& judge, const std::string& what);

/// The same for several results, with the number of the first one that is wrong.
std::string first_difference(const std::vector<Arrays>& results, const Arrays& want, const Arrays& bound);

/// Compares O, LSE and every gradient of the library in type T, computed in each of the `ways`, with the
/// twin's, for the operands of `c` rounded to T. Collective.
template <class T>
void expect_like_twin(MPI_Comm comm, const Case& c, const std::vector<How>& ways, const std::string& what);

/// The arrays of `all` that are called `names`.
Arrays only(const Arrays& all, const std::vector<std::string>& names);

extern template void expect_like_twin<float>(MPI_Comm, const Case&, const std::vector<How>&, const std::string&);
extern template void expect_like_twin<double>(MPI_Comm, const Case&, const std::vector<How>&, const std::string&);

}  // namespace tattn::test
