#pragma once
#include <utility>
#include <vector>

#include "comm/communicator.hpp"
#include "polynomial/passes.hpp"
#include "polynomial/polynomial.hpp"
#include "tattn/operands.hpp"
#include "tattn/options.hpp"

namespace tattn::polynomial {

/// This rank's rows of one slice within a block: where they begin in the block, and how many there are.
struct LocalRows {
  std::int64_t first = 0, rows = 0;
};

[[nodiscard]] inline LocalRows local_rows(RowRange held, std::int64_t slice, std::int64_t rows_a_slice) {
  const RowRange mine = intersect(held, {slice * rows_a_slice, (slice + 1) * rows_a_slice});
  return {mine.empty() ? 0 : mine.begin - held.begin, mine.size()};
}

/// Some neighbouring slices whose moments are held, and summed over the ranks, together.
template <class T>
class SliceGroup {
 public:
  SliceGroup(const Communicator& comm, const Problem& problem, const WalkTiles& tiles, const Operands<T>& operands,
             const Options& options, RowRange slices, Progress& progress);
  ~SliceGroup() = default;
  SliceGroup(const SliceGroup&) = delete;
  SliceGroup& operator=(const SliceGroup&) = delete;

  /// M_u of every slice. Collective.
  void compute_moments();

  /// Moments made before, of exactly these slices, which outlive the group.
  void use_moments(const Moments& kept) { moments_ = &kept; }

  /// The moments computed, which the group gives up.
  [[nodiscard]] Moments release_moments() { return std::move(computed_); }

  /// G = weight * M_1 * .. * M_t of one slice.
  [[nodiscard]] std::vector<double> product(std::int64_t slice) const;

  /// weight * dG * the moments of all keys but u.
  [[nodiscard]] std::vector<double> moment_gradient(std::int64_t slice, int u,
                                                    const double* product_gradient) const;

  [[nodiscard]] OperandPass<T> query_pass(std::int64_t slice,
                                          const T* value) const;  ///< value: this slice's first row
  [[nodiscard]] OperandPass<T> key_pass(std::int64_t slice, int u) const;
  [[nodiscard]] std::int64_t matrix_size() const { return tiles_.features() * columns_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }

 private:
  [[nodiscard]] const double* moments(std::int64_t slice, int u) const {
    return moments_->of_key[static_cast<std::size_t>(u)].data() + (slice - slices_.begin) * matrix_size();
  }

  const Communicator& comm_;
  const Problem& problem_;
  const WalkTiles& tiles_;
  const Operands<T>& operands_;
  const Options& options_;
  RowRange slices_;
  Progress& progress_;
  std::int64_t columns_;
  Moments computed_;
  const Moments* moments_ = &computed_;
};

}  // namespace tattn::polynomial
