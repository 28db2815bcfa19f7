#pragma once
#include <functional>
#include <utility>
#include <vector>

#include "comm/pending_sums.hpp"
#include "comm/sum_tree.hpp"
#include "polynomial/grid_work.hpp"
#include "polynomial/passes.hpp"
#include "polynomial/polynomial.hpp"
#include "progress.hpp"
#include "tattn/options.hpp"

namespace tattn::polynomial {

/// This rank's rows of one slice within a block: where they begin in the block, and how many there are.
struct LocalRows {
  std::int64_t first = 0, rows = 0;
};

[[nodiscard]] inline LocalRows local_rows(RowRange block, std::int64_t slice, std::int64_t rows_a_slice) {
  const RowRange mine = intersect(block, {slice * rows_a_slice, (slice + 1) * rows_a_slice});
  return {mine.empty() ? 0 : mine.begin - block.begin, mine.size()};
}

/// This rank's rows of one slice, counted within the slice; the block is flattened.
[[nodiscard]] inline RowRange rows_within(RowRange block, std::int64_t slice, std::int64_t rows_a_slice) {
  const RowRange mine = intersect(block, {slice * rows_a_slice, (slice + 1) * rows_a_slice});
  return {mine.begin - slice * rows_a_slice, mine.end - slice * rows_a_slice};
}

/// The sums under way down the sequence, moved on between tiles, and the progress told meanwhile.
struct Streaming {
  Streaming(const Communicator& down, const Options& options, double evaluations)
      : sums(down),
        tell([this, &options](double done) {
          sums.advance();
          if (options.progress) options.progress(done);
        }),
        progress(tell, evaluations) {}
  ~Streaming() = default;
  Streaming(const Streaming&) = delete;
  Streaming& operator=(const Streaming&) = delete;

  PendingSums sums;
  std::function<void(double)> tell;
  Progress progress;
};

/// Some neighbouring slices whose moments are held, and summed down the sequence, together.
template <class T>
class SliceBatch {
 public:
  SliceBatch(const Problem& problem, const GridWork<T>& work, const Options& options, RowRange slices,
             Streaming& streaming);
  ~SliceBatch() { streaming_.sums.finish(); }  // an error may leave sums under way into the arrays here
  SliceBatch(const SliceBatch&) = delete;
  SliceBatch& operator=(const SliceBatch&) = delete;

  /// M_u of every slice. Collective down the sequence.
  void compute_moments();

  /// Moments made before, of exactly these slices, which outlive the batch.
  void use_moments(const Moments& kept) { moments_ = &kept; }

  /// The moments computed, which the batch gives up.
  [[nodiscard]] Moments release_moments() { return std::move(computed_); }

  /// G = weight * M_1 * .. * M_t of one slice.
  [[nodiscard]] std::vector<double> product(std::int64_t slice) const;

  /// Queries of one slice, value: the columns of its first row that multiply the features.
  [[nodiscard]] OperandPass<T> query_pass(std::int64_t slice, const T* value) const;

  /// dQ of one slice from dN, whose first row of the slice `adjoint` is, and what its rows add to dG, while dG is
  /// being summed. Slice after slice. Collective down the sequence.
  void query_gradient(std::int64_t slice, const T* adjoint, const TakeRows& take_query);

  /// dG of all slices is whole afterwards. After query_gradient of every slice.
  void finish_product_gradient();

  /// dK_u and dV_u of one slice.
  void key_gradient(std::int64_t slice, int u, const TakeRows& take_key, const TakeRows& take_value) const;

  [[nodiscard]] std::int64_t columns() const { return columns_; }

 private:
  /// Adds Phi^T value of one slice to its matrix in `all`, chunk by chunk: a chunk is summed down the sequence
  /// while the next is made.
  void add_moments(const OperandPass<T>& pass, std::int64_t slice, double* all);
  void sum_until(std::int64_t entries, double* all, bool last);

  /// The same block by block into `tree`, for sums that do not depend on the ranks; `rows`: of the slice, this
  /// rank's.
  void add_blocks(const OperandPass<T>& pass, std::int64_t slice, std::int64_t slice_rows, RowRange rows,
                  SumTree& tree);
  /// The sums of all slices, on every rank down the sequence; `held`: this rank's rows of the operand. Collective.
  [[nodiscard]] std::vector<double> sum_blocks(const SumTree& tree, std::int64_t slice_rows, RowRange held) const;

  [[nodiscard]] OperandPass<T> key_pass(std::int64_t slice, int u) const;

  /// weight * dG * the moments of all keys but u; without dG when it is null.
  [[nodiscard]] std::vector<double> moment_gradient(std::int64_t slice, int u,
                                                    const double* product_gradient) const;

  [[nodiscard]] std::int64_t matrix_size() const { return work_.tiles().features() * columns_; }
  [[nodiscard]] std::int64_t offset(std::int64_t slice) const { return (slice - slices_.begin) * matrix_size(); }
  [[nodiscard]] const double* moments(std::int64_t slice, int u) const {
    return moments_->of_key[static_cast<std::size_t>(u)].data() + offset(slice);
  }

  const Problem& problem_;
  const GridWork<T>& work_;
  const Options& options_;
  RowRange slices_;
  Streaming& streaming_;
  std::int64_t columns_, summed_ = 0;  ///< so many entries of the array being made are given to be summed
  Moments computed_;
  const Moments* moments_ = &computed_;
  SumTree product_gradient_tree_;
  std::vector<double> product_gradient_;  ///< dG, [slice][feature][dv + 1]
};

}  // namespace tattn::polynomial
