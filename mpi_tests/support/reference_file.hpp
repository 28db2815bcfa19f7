#pragma once
// The files of data/reference: operands with expected results. Read by each rank for itself.
#include "support/case.hpp"

namespace tattn::test {

struct Reference {
  Case c;                   ///< Q, K1.., V1.., dO; for a problem file dO = O - E with the expected O
  Arrays expected;          ///< O, LSE, dQ, dK1.., dV1..; a problem file has no gradients of operands ..
  Arrays model;             ///< .. but the A1.. that its operands are made with, Q = A1 X1, K1 = A2 X2, ..
  Arrays expected_weights;  ///< .. and the gradients dX1.., dY1.. of what they are made from
  bool single = false;      ///< the operands are stored as float32
};

/// Names of all files in the folder, sorted.
std::vector<std::string> reference_files();

Reference read_reference(const std::string& name);

/// dX1 = A1^T dQ, dX2 = A2^T dK1, .., dY2 = A5^T dV2, from the gradients of the operands.
Arrays weight_gradients(const Reference& reference, const Arrays& gradients);

/// The error of that for gradients within `bound`: A^T with absolute values, and the rounding of its sums in
/// double.
Arrays weight_bound(Reference reference, const Arrays& gradients, Arrays bound);

/// How far an expected array may be from the truth: its README says 2e-14 of the largest magnitude, the
/// worst seen when the files were made by two independent methods.
Arrays reference_bound(const Arrays& expected);

}  // namespace tattn::test
