#pragma once
#include "cli/study_measure.hpp"
#include "io/operand_file.hpp"

namespace tattn::cli {

/// This rank's rows of the operands and of dO, cut as the method that will most likely be taken wants them. Not
/// collective.
template <class T>
[[nodiscard]] io::OperandRows<T> seeded_operands(const Communicator& comm, const Problem& problem, Method method,
                                                 const Entries& entries);

/// The same numbers in double.
template <class T>
[[nodiscard]] io::OperandRows<double> in_double(const io::OperandRows<T>& operands);

}  // namespace tattn::cli
