#pragma once
// A case by the library's door with a given plan.
#include "support/scatter.hpp"

namespace tattn::test {

/// O, LSE and every gradient by one plan, whole on every rank; the gradients with what the forward pass kept.
/// Collective.
template <class T>
Arrays by_plan(const Case& c, const Plan& plan, const Options& options, const How& how = {}) {
  const int order = c.problem.shape.order;
  Scattered<T> mine(MPI_COMM_WORLD, c, how);
  std::map<std::string, LocalRows<T>> rows;
  for (const auto& name : result_names(order)) rows.emplace(name, mine.result(name));
  const Output<T> out{rows.at("O").data_or_null(), rows.at("LSE").data_or_null()};
  Gradients<T> into;
  into.query = rows.at("dQ").data_or_null();
  for (int u = 0; u < order; ++u) {
    into.key[u] = rows.at(numbered("dK", u)).data_or_null();
    into.value[u] = rows.at(numbered("dV", u)).data_or_null();
  }
  Kept kept;
  forward<T>(MPI_COMM_WORLD, c.problem, plan, mine.operands(), options, out, &kept);
  gradient<T>(MPI_COMM_WORLD, c.problem, plan, mine.operands(), options, {out.output, out.lse}, mine.upstream(),
              into, &kept);
  Arrays result;
  for (auto& [name, local] : rows) result[name] = mine.gather(name, local);
  return result;
}

}  // namespace tattn::test
