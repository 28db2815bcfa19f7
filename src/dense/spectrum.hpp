#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::dense {

/// More query rows than this are refused: the eigenvalues of a dense n x n matrix take 4/3 n^3 operations.
inline constexpr std::int64_t kMostSpectrumRows = 4096;

/// The singular values of P of one slice.
struct Spectrum {
  std::vector<double> values;  ///< descending, n of them, the same on every rank
  double squares = 0;          ///< ||P||_F^2, summed over the entries of P
  double smallest = 0;         ///< below this a value is lost in rounding: sqrt((n + N) eps) of the largest
};

/// Singular values of P of the first slice, orders 1 and 2, as the square roots of the eigenvalues of P P^T (n x
/// n): their squares are good to (n + N) eps of the largest, which a share of ||P||_F^2 does not notice.
/// Collective. Throws Error: Status::usage for order > 2, Status::failed when `memory_bytes` a rank (0: no limit)
/// or kMostSpectrumRows do not suffice or the eigenvalues do not add up.
template <class T>
[[nodiscard]] Spectrum spectrum(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                                std::int64_t memory_bytes);

}  // namespace tattn::dense
