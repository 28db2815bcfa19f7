#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "cli/shape_options.hpp"
#include "comm/communicator.hpp"
#include "io/result_file.hpp"
#include "tattn/problem.hpp"

namespace tattn::cli {

struct GenerateOptions {
  std::string output;
  std::int64_t rows = 0;
  ShapeOptions shape;
  std::optional<std::int64_t> model_dim;
  std::optional<double> scale, noise;
  bool causal = false, upstream = false, target = false, problem = false, force = false, quiet = false;
};

/// Throws Error(Status::usage) unless all of these entries of `dataset`, rounded as in the file, are finite.
template <class T>
void require_finite(const GenerateOptions& options, const std::string& dataset, const T* entries,
                    std::size_t count);

/// What --problem writes: A1 .., E of a hidden teacher with noise, X1 .., Y1 .. at random, and the teacher's
/// weights as teacher_X1 .. The same bytes at any number of ranks. Collective.
void write_problem(const Communicator& comm, io::ResultFile& file, const GenerateOptions& options,
                   const Shape& shape);

}  // namespace tattn::cli
