#pragma once
#include "polynomial/polynomial.hpp"

namespace tattn::polynomial {

/// forward on copies of float operands in double, results rounded to float: for scores so large that rounding in
/// float would spoil the sums. Collective; memory for the copies is taken during the call.
void forward_in_double(const Communicator& comm, const Problem& problem, const plan::Walk& walk,
                       const plan::Grid& grid, const Operands<float>& operands, const Options& options,
                       const Output<float>& out, Moments* keep = nullptr);

/// gradient likewise.
void gradient_in_double(const Communicator& comm, const Problem& problem, const plan::Walk& walk,
                        const plan::Grid& grid, const Operands<float>& operands, const Options& options,
                        const Output<const float>& out, const float* upstream, const Gradients<float>& gradients,
                        const Moments* kept = nullptr);

}  // namespace tattn::polynomial
