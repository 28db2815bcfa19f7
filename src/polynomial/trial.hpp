#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "exact/softmax_rows.hpp"
#include "plan/feature_search.hpp"
#include "plan/heavy_rows.hpp"
#include "plan/minimax.hpp"
#include "split/part.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"
#include "tattn/problem.hpp"

namespace tattn::polynomial {

class DegreeFit;

/// The sampled rows of a slice as a small attention problem of its own, whose exact results are known: on it
/// sets of features are tried. A row of weight w stands for w rows of the operand: as a key it counts w times in
/// every softmax, and everywhere in the norms.
class Trial {
 public:
  /// `alone` is a communicator of this rank only.
  Trial(const Communicator& alone, const plan::Sample& sample, plan::Target target);

  /// From now on the counts[u] largest rows of operand u are heavy: tuples with one of them are computed exactly.
  void take_heavy(const plan::HeavyCounts& counts);

  /// Relative Frobenius error of the polynomial method in T, its rounding included, against the exact one in
  /// double: of O, or the largest over O and the gradients, for dO of the sample or a random one. Infinite where a
  /// normaliser is not positive.
  template <class T>
  [[nodiscard]] double error(const plan::Walk& walk) const;

  /// What the monomials of each degree give, beside the heavy rows, and what they should: of O, by numerator and
  /// normaliser, or of all gradients with the exact O and LSE. Every array counts by its relative error.
  void add_equations(const plan::Walk& walk, DegreeFit& fit) const;

 private:
  /// Operands with further columns, and room for all results.
  template <class T>
  struct Case {
    Problem problem;
    std::vector<std::vector<T>> operands;  ///< Q, K1.., V1..
    std::vector<T> upstream;
    std::vector<T> output, lse;
    std::vector<std::vector<T>> gradients;  ///< dQ, dK1.., dV1..

    [[nodiscard]] Operands<T> views() const;
    [[nodiscard]] Gradients<T> gradient_views();
  };

  [[nodiscard]] static Case<double> make_case(const plan::Sample& sample, std::int64_t further_columns);
  template <class T>
  [[nodiscard]] static Case<T> rounded(const Case<double>& from);
  template <class T>
  void add_exact_gradients(Case<T>& tried) const;
  [[nodiscard]] std::vector<std::vector<double>> exact_shares(const std::vector<double>& output,
                                                              const std::vector<double>& lse) const;
  [[nodiscard]] const std::vector<double>& weight_of(std::size_t array) const;  ///< of dQ, dK1.., dV1..
  [[nodiscard]] std::size_t columns_of(std::size_t array) const;                ///< without further ones
  void add_output_equations(const plan::Walk& walk, const split::Part<double>& light, DegreeFit& fit) const;
  void add_gradient_equations(const plan::Walk& walk, const split::Part<double>& light, DegreeFit& fit) const;
  template <class T>
  [[nodiscard]] double worst_error(const Case<T>& tried) const;

  const Communicator& alone_;
  plan::Target target_;
  std::int64_t dim_;
  std::vector<std::vector<double>> row_weight_;      ///< Q, K1..
  std::vector<std::vector<std::int64_t>> row_rank_;  ///< likewise
  plan::HeavyRows heavy_;                            ///< of the sample
  exact::SoftmaxRows heavy_sums_{0, 0};              ///< over the tuples with a heavy row
  std::vector<std::vector<double>>
      heavy_gradients_;  ///< their share of the exact gradients, where these are asked for
  Case<double> truth_;
  Case<double> tried_;  ///< its results are not used
};

}  // namespace tattn::polynomial
