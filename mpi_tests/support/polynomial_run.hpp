#pragma once
// The polynomial method on a case that every rank knows.
#include "comm/communicator.hpp"
#include "plan/grid.hpp"
#include "polynomial/polynomial.hpp"
#include "support/judge.hpp"
#include "support/plain_polynomial.hpp"
#include "support/scatter.hpp"
#include "tattn/error.hpp"

namespace tattn::test {

/// O, LSE and gradients by the library over `walk`, whole on every rank; the gradients from the moments of the
/// forward pass if `keep`. Collective.
template <class T>
Arrays library_polynomial(const Case& c, const plan::Walk& walk, const plan::Grid& grid, const How& how,
                          bool keep = false) {
  const Communicator comm(MPI_COMM_WORLD);
  const int order = c.problem.shape.order;
  Scattered<T> mine(MPI_COMM_WORLD, c, how);
  std::map<std::string, LocalRows<T>> rows;
  for (const auto& name : result_names(order)) rows.emplace(name, mine.result(name));
  const Output<T> out{rows.at("O").data_or_null(), rows.at("LSE").data_or_null()};
  polynomial::Moments moments;
  polynomial::forward<T>(comm, c.problem, walk, grid, mine.operands(), options_of(how), out,
                         keep ? &moments : nullptr);
  Gradients<T> into;
  into.query = rows.at("dQ").data_or_null();
  for (int u = 0; u < order; ++u) {
    into.key[u] = rows.at(numbered("dK", u)).data_or_null();
    into.value[u] = rows.at(numbered("dV", u)).data_or_null();
  }
  polynomial::gradient<T>(comm, c.problem, walk, grid, mine.operands(), options_of(how), {out.output, out.lse},
                          mine.upstream(), into, &moments);
  Arrays result;
  for (auto& [name, local] : rows) result[name] = mine.gather(name, local);
  return result;
}

/// Every result is the twin's up to the rounding of T. Collective.
template <class T>
void expect_polynomial(const Case& c, const plan::Walk& walk, const std::vector<Arrays>& results,
                       const std::string& name) {
  expect_verdict(
      MPI_COMM_WORLD,
      [&] {
        const Arrays truth = plain_polynomial(c, walk);
        return first_difference(results, truth, polynomial_rounding_bound(c, walk, truth, precision_of<T>().eps));
      },
      name);
}

/// A forward and a gradient pass of which every rank holds its plan::grid_share before and after.
template <class T>
class OnGrid {
 public:
  OnGrid(const Communicator& comm, const Case& c, const plan::Walk& walk, const plan::Grid& grid)
      : comm_(comm), problem_(c.problem), walk_(walk), grid_(grid) {
    const Shape& shape = c.problem.shape;
    queries_ = share(shape.rows);
    operands_.query = {keep(c.in.at("Q"), queries_, shape.dim), queries_};
    upstream_ = keep(c.in.at("dO"), queries_, shape.value_dim);
    out_ = {room(queries_, shape.value_dim), room(queries_, 1)};
    into_.query = room(queries_, shape.dim);
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      const RowRange rows = share(shape.key_rows[u]);
      const int number = static_cast<int>(u);
      operands_.key[u] = {keep(c.in.at(numbered("K", number)), rows, shape.dim), rows};
      operands_.value[u] = {keep(c.in.at(numbered("V", number)), rows, shape.value_dim), rows};
      into_.key[u] = room(rows, shape.dim);
      into_.value[u] = room(rows, shape.value_dim);
    }
  }

  void forward() { polynomial::forward<T>(comm_, problem_, walk_, grid_, operands_, {}, out_, &moments_); }
  void gradient() {
    polynomial::gradient<T>(comm_, problem_, walk_, grid_, operands_, {}, {out_.output, out_.lse}, upstream_, into_,
                            &moments_);
  }

 private:
  [[nodiscard]] RowRange share(std::int64_t rows) const {
    return plan::grid_share(grid_, comm_.rank(), problem_.shape.slices, rows);
  }
  T* room(RowRange rows, std::int64_t columns) {
    return memory_.emplace_back(static_cast<std::size_t>(rows.size() * columns)).data();
  }
  T* keep(const Matrix& all, RowRange rows, std::int64_t columns) {
    T* mine = room(rows, columns);
    for (std::int64_t x = 0; x < rows.size() * columns; ++x)
      mine[x] = static_cast<T>(all[static_cast<std::size_t>(rows.begin * columns + x)]);
    return mine;
  }

  const Communicator& comm_;
  const Problem& problem_;
  const plan::Walk& walk_;
  plan::Grid grid_;
  RowRange queries_;
  std::vector<std::vector<T>> memory_;
  Operands<T> operands_;
  const T* upstream_ = nullptr;
  Output<T> out_;
  Gradients<T> into_;
  polynomial::Moments moments_;
};

}  // namespace tattn::test
