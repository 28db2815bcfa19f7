#pragma once
#include "support/judge.hpp"
#include "support/reference_file.hpp"

namespace tattn::test {

/// Compares the library in type T, computed in each of the `ways`, with the expected arrays of a file, by the
/// file's own precision and that of the computation. A file of float64 operands is rounded for T = float, which
/// changes its results, so that the twin has to say what to expect. Collective.
template <class T>
void expect_like_file(const Reference& reference, const std::vector<How>& ways, const std::string& name);

extern template void expect_like_file<float>(const Reference&, const std::vector<How>&, const std::string&);
extern template void expect_like_file<double>(const Reference&, const std::vector<How>&, const std::string&);

}  // namespace tattn::test
