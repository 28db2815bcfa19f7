#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace tattn {

enum class Method { automatic, exact, polynomial, dense };

/// How a computation is to be done; what is to be computed stands in Problem.
struct Options {
  Method method = Method::automatic;
  int threads = 1;                ///< OpenMP threads of this rank; the same on every rank
  std::int64_t memory_bytes = 0;  ///< most memory this rank may take in all; 0: no limit is checked

  /// Largest acceptable relative error of what is asked for (O, or the gradients), in the Frobenius norm.
  double tolerance = 1e-3;
  bool certified = false;  ///< the tolerance is held by a proven bound on every softmax weight, else by measurement

  // Fix the polynomial instead; one of them, with Method::polynomial.
  std::optional<int> degree;             ///< all monomials up to it
  std::optional<std::int64_t> features;  ///< as many of those that matter most

  /// Fix how many rows of each slice of Q, K_1, .. the polynomial method computes exactly, those of largest norm;
  /// none: as many as make it fastest, or 0 with a fixed degree or number of features.
  std::optional<std::vector<std::int64_t>> heavy_rows;

  /// Sums are made in an order that does not know of ranks, and what is chosen is chosen by fixed rates of a
  /// nominal machine: the same bits at any number of ranks, for the same threads and instruction set. Takes longer.
  bool reproducible = false;

  /// Called now and then from the calling thread with the share of this rank's work that is done,
  /// in [0, 1]. May be empty.
  std::function<void(double)> progress;
};

}  // namespace tattn
