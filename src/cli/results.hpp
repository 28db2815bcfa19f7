#pragma once
#include <array>
#include <optional>
#include <vector>

#include "io/operand_file.hpp"
#include "io/result_file.hpp"
#include "tattn/operands.hpp"

namespace tattn::cli {

/// Owner of this rank's rows of O, LSE and the gradients, cut as the operands they belong to.
template <class T>
struct ResultRows {
  std::vector<T> output, lse, query;
  std::array<std::vector<T>, kMaxOrder> key, value;
  std::optional<double> loss;  ///< of all rows, where there is a target

  ResultRows(const io::OperandRows<T>& operands, const Shape& shape, bool with_gradients);

  [[nodiscard]] Output<T> output_views() { return {output.data(), lse.data()}; }
  [[nodiscard]] Output<const T> output_views() const { return {output.data(), lse.data()}; }
  [[nodiscard]] Gradients<T> gradient_views();
};

/// Writes O and LSE, and the gradients and the loss where there are any. Collective.
template <class T>
void write_results(io::ResultFile& file, const io::FileInfo& info, const io::OperandRows<T>& operands,
                   const ResultRows<T>& results, bool with_gradients);

}  // namespace tattn::cli
