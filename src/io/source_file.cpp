#include "io/source_file.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/attributes.hpp"
#include "tattn/error.hpp"

namespace tattn::io {

Dataset SourceFile::require(const std::string& name, const std::string& why) const {
  if (!has(name)) refuse_dataset(path, name, "is missing: " + why);
  return describe(name);
}

std::string numbered(char letter, int number) {
  return fmt::format("{}{}", letter, number);
}

void same_type(const std::string& path, const Dataset& dataset, const Dataset& reference) {
  if (dataset.dtype != reference.dtype)
    refuse_dataset(path, dataset.name,
                   fmt::format("is of type {}, but {} is {}: one type in a file, convert one of them",
                               describe_type(dataset.dtype), reference.name, describe_type(reference.dtype)));
}

void same_columns(const std::string& path, const Dataset& dataset, const Dataset& reference, const char* why) {
  if (dataset.columns() != reference.columns())
    refuse_dataset(path, dataset.name,
                   fmt::format("has {} columns, but {} has {}: {}", dataset.columns(), reference.name,
                               reference.columns(), why));
}

void same_rows(const std::string& path, const Dataset& dataset, const Dataset& reference, const char* why) {
  if (dataset.rows() != reference.rows())
    refuse_dataset(
        path, dataset.name,
        fmt::format("has {} rows, but {} has {}: {}", dataset.rows(), reference.name, reference.rows(), why));
}

double choose_scale(const SourceFile& source, const Overrides& overrides, std::int64_t dim) {
  if (overrides.scale) {
    if (!std::isfinite(*overrides.scale))
      throw Error(Status::usage, fmt::format("--scale is {}, expected a finite number", *overrides.scale));
    return *overrides.scale;
  }
  return read_scale(source.path, source.file.get()).value_or(1.0 / static_cast<double>(dim));
}

bool choose_causal(const SourceFile& source, const Overrides& overrides) {
  return overrides.causal || read_causal(source.path, source.file.get()).value_or(false);
}

}  // namespace tattn::io
