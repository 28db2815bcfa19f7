#pragma once
// The slow twin: tensor attention and its closed-form gradients as the formulas say them, loop by loop,
// in long double. It decides who is right, so it is kept readable, not fast.
#include <array>

#include "support/case.hpp"

namespace tattn::test {

using Real = long double;
using Tuple = std::array<std::int64_t, kMaxOrder>;  // (j1, .., jt), row numbers within a slice

/// Entries of one matrix of a case by slice, row within the slice, and column.
template <class T>
struct Entries {
  T* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  T& operator()(std::int64_t slice, std::int64_t row, std::int64_t column) const {
    return data[(slice * rows + row) * columns + column];
  }
};

/// The operands of a case.
struct View {
  explicit View(const Case& c);

  Problem problem;
  Entries<const double> query, upstream;
  std::array<Entries<const double>, kMaxOrder> key, value;
};

/// Sums for every result of a case, zero at first.
class Sums {
 public:
  explicit Sums(const Shape& shape);
  [[nodiscard]] Arrays rounded_to_double() const;

  Entries<Real> output, lse, d_query;
  std::array<Entries<Real>, kMaxOrder> d_key, d_value;

 private:
  std::map<std::string, std::vector<Real>> memory_;
};

/// One query row against all the key tuples it may see.
struct SoftmaxRow {
  std::int64_t slice = 0, row = 0;
  std::vector<Tuple> tuples;
  std::vector<Real> score, weight;  ///< s and P of each tuple
  Real lse = 0;
};

SoftmaxRow softmax_row(const View& c, std::int64_t slice, std::int64_t row);

/// sum_m dO[i,m] V1[j1,m] .. Vt[jt,m]
Real upstream_product(const View& c, const SoftmaxRow& at, const Tuple& j);

/// Adds O[i] = sum P V1[j1] .. Vt[jt], for given weights P.
void add_output(const View& c, const SoftmaxRow& at, const std::vector<Real>& weight, Sums& sums);

/// Adds the row's share of every gradient, for given P and ds of each tuple:
///     dQ[i]  = scale sum ds K1[j1] * ..     dK_u[j] = scale sum ds Q[i] * (the other keys)
///     dV_u[j] = sum P dO[i] * (the other values)
void add_gradients(const View& c, const SoftmaxRow& at, const std::vector<Real>& weight,
                   const std::vector<Real>& ds, Sums& sums);

/// O, LSE, dQ, dK1.., dV1..
Arrays plain_attention(const Case& c);

}  // namespace tattn::test
