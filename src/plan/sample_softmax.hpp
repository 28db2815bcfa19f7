#pragma once
#include <vector>

#include "plan/feature_search.hpp"

namespace tattn::plan {

/// Softmax attention of the sampled queries over the sampled keys.
struct SampleSoftmax {
  std::vector<double> log_normaliser;  ///< by query: log of the weighted mean of exp(s) over the key tuples
  std::vector<double> output;          ///< queries x value_dim
};

/// Keys are thinned evenly so that there are at most 2^17 scores whatever the order; their weights decide
/// how much a row counts.
[[nodiscard]] SampleSoftmax sample_softmax(const Sample& sample);

}  // namespace tattn::plan
