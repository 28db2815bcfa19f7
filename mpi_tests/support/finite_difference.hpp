#pragma once
// Gradients against central differences of the forward pass they belong to.
//
// f(x) = sum(O * dO) with one entry x of one operand moved. Four points,
//     D = (8 (f(x+h) - f(x-h)) - (f(x+2h) - f(x-2h))) / 12h = f'(x) + h^4 / 30 f^(5) + rounding.
// Rounding: 18/12 F / h, F the error of f. Truncation: scores are linear in x, so the fifth derivative of
// an output is the joint cumulant of the value and five times a = ds/dx under P, and a joint cumulant of
// six variables is at most 1082 times the product of their largest magnitudes (the sum of (b-1)! over
// all partitions into b parts). In V everything is linear: no truncation at all.
#include <functional>

#include "support/case.hpp"

namespace tattn::test {

/// Compares dQ, dK.., dV.. of `gradients` with differences of `output_of`, the forward pass in double of
/// a changed case (collective or not, the same on every rank), for every entry of every operand. Entries
/// must be floats, so that x + h is exact.
void expect_gradients_like_differences(const Case& c, const Arrays& gradients,
                                       const std::function<Matrix(const Case&)>& output_of);

}  // namespace tattn::test
