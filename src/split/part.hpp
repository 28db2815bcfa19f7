#pragma once
#include <algorithm>
#include <array>
#include <numbers>
#include <vector>

#include "exact/softmax_rows.hpp"
#include "plan/heavy_rows.hpp"
#include "split/row_subset.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::split {

/// Zeros, for parts to add to: the gradients of the rows that this rank holds.
template <class T>
void clear(const Shape& shape, const Operands<T>& operands, const Gradients<T>& gradients) {
  std::fill_n(gradients.query, operands.query.rows.size() * shape.dim, T{0});
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    std::fill_n(gradients.key[u], operands.key[u].rows.size() * shape.dim, T{0});
    std::fill_n(gradients.value[u], operands.value[u].rows.size() * shape.value_dim, T{0});
  }
}

/// Some of a problem's tuples as a problem of its own: this rank's rows of it, and the way back. Not collective.
template <class T>
class Part {
 public:
  /// `operands` are viewed where a set has all rows of a block: they must outlive the part.
  Part(const Problem& whole, const plan::HeavyRows& heavy, const plan::TuplePart& tuples,
       const Operands<T>& operands);
  ~Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] const Operands<T>& operands() const { return operands_; }
  [[nodiscard]] const RowSubset& query_rows() const { return query_; }  ///< which queries are in it

  /// compute(problem, operands, Output<T>) gives O and LSE over the part's tuples alone; they are merged into
  /// `sums`, whose rows are this rank's of the whole problem, as a partial softmax of weight exp(LSE).
  template <class Compute>
  void forward(const Compute& compute, exact::SoftmaxRows& sums) const;

  /// compute(problem, operands, Output<const T>, dO, Gradients<T>) gives the part's share of every gradient for the
  /// O and LSE of the whole softmax; it is added to `gradients`.
  template <class Compute>
  void gradient(const Compute& compute, const Output<const T>& out, const T* upstream,
                const Gradients<T>& gradients) const;

 private:
  Problem problem_;
  RowSubset query_;
  std::vector<RowSubset> key_, value_;
  std::array<std::vector<T>, 2 * kMaxOrder + 1> memory_;
  Operands<T> operands_;
};

template <class T>
Part<T>::Part(const Problem& whole, const plan::HeavyRows& heavy, const plan::TuplePart& tuples,
              const Operands<T>& operands)
    : problem_(whole), query_(operands.query.rows, heavy.rows[0], tuples.rows[0]) {
  problem_.shape = plan::part_shape(whole.shape, heavy.counts, tuples);
  const Shape& shape = problem_.shape;
  operands_.query = query_.gather(operands.query.data, shape.dim, memory_[2 * kMaxOrder]);
  for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
    key_.emplace_back(operands.key[u].rows, heavy.rows[u + 1], tuples.rows[u + 1]);
    value_.emplace_back(operands.value[u].rows, heavy.rows[u + 1], tuples.rows[u + 1]);
    operands_.key[u] = key_[u].gather(operands.key[u].data, shape.dim, memory_[2 * u]);
    operands_.value[u] = value_[u].gather(operands.value[u].data, shape.value_dim, memory_[2 * u + 1]);
  }
}

template <class T>
template <class Compute>
void Part<T>::forward(const Compute& compute, exact::SoftmaxRows& sums) const {
  const auto rows = static_cast<std::size_t>(query_.rows().size());
  const auto columns = static_cast<std::size_t>(problem_.shape.value_dim);
  std::vector<T> output(rows * columns), lse(rows);
  compute(problem_, operands_, Output<T>{output.data(), lse.data()});
  std::vector<double> row(columns + 1, 1.0);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(output.data() + i * columns, columns, row.data());
    sums.merge(query_.local(static_cast<std::int64_t>(i)), static_cast<double>(lse[i]) * std::numbers::log2e,
               row.data(), 1);
  }
}

template <class T>
template <class Compute>
void Part<T>::gradient(const Compute& compute, const Output<const T>& out, const T* upstream,
                       const Gradients<T>& gradients) const {
  const Shape& shape = problem_.shape;
  const auto order = static_cast<std::size_t>(shape.order);
  std::vector<T> output, lse, up;
  const Output<const T> mine{query_.gather(out.output, shape.value_dim, output).data,
                             query_.gather(out.lse, 1, lse).data};
  const T* mine_up = query_.gather(upstream, shape.value_dim, up).data;
  std::vector<std::vector<T>> room;
  const auto make = [&](const RowSubset& rows, std::int64_t columns) {
    return room.emplace_back(static_cast<std::size_t>(rows.rows().size() * columns)).data();
  };
  Gradients<T> into;
  into.query = make(query_, shape.dim);
  for (std::size_t u = 0; u < order; ++u) {
    into.key[u] = make(key_[u], shape.dim);
    into.value[u] = make(value_[u], shape.value_dim);
  }
  compute(problem_, operands_, mine, mine_up, into);
  query_.add(into.query, shape.dim, gradients.query);
  for (std::size_t u = 0; u < order; ++u) {
    key_[u].add(into.key[u], shape.dim, gradients.key[u]);
    value_[u].add(into.value[u], shape.value_dim, gradients.value[u]);
  }
}

}  // namespace tattn::split
