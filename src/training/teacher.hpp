#pragma once
#include <cstdint>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/options.hpp"
#include "training/problem.hpp"

namespace tattn::training {

/// Random weights whose layer gives outputs of order one and, at scale 1/d, scores of deviation 1/3, whatever the
/// sizes, for A's of independent standard normal entries where a key and its value have the same A: X of deviation
/// (sqrt(d) / 3)^(1/(t+1)) / sqrt(a), Y of 1; all times `shrink`. A function of the seed alone.
[[nodiscard]] std::vector<double> random_weights(const TrainingProblem& problem, double shrink, std::uint64_t seed);

/// Some rows of the output of a layer.
struct OutputRows {
  RowRange rows;
  std::vector<double> output;
};

/// O of the layer with the given weights, in double; every rank gives all rows of every A. The rows are cut into
/// blocks in a way that does not know of ranks, and each block is computed by one rank alone, so that the entries
/// are the same bits at any number of ranks and threads: by the exact method where that is no more than about a
/// minute on one core in all, or the problem is causal, else by the polynomial one within 1e-5. This rank gets the
/// rows of its blocks, in order of the ranks. Collective. Throws Error(Status::failed) where no polynomial does it.
[[nodiscard]] OutputRows layer_output(const Communicator& comm, const TrainingProblem& problem,
                                      const ProblemRows<double>& whole, const std::vector<double>& weights);

/// Root mean square of the entries of an output, the same bits at any number of ranks. Collective.
[[nodiscard]] double root_mean_square(const Communicator& comm, const TrainingProblem& problem,
                                      const OutputRows& output);

}  // namespace tattn::training
