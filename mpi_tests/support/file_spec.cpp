#include "support/file_spec.hpp"

#include <cmath>
#include <functional>
#include <numeric>

#include "io/hdf5.hpp"

namespace tattn::test {
namespace {

using io::Handle;

std::int64_t product(const std::vector<std::int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

void write_entries(hid_t dataset, const std::string& name, const DatasetSpec& spec) {
  std::vector<double> values(static_cast<std::size_t>(product(spec.dims)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = entry(name, static_cast<std::int64_t>(i));
  for (const auto& [place, value] : spec.entries) values[static_cast<std::size_t>(place)] = value;
  if (!values.empty()) TATTN_H5(H5Dwrite, dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

void write_dataset(hid_t file, const std::string& name, const DatasetSpec& spec) {
  const std::vector<hsize_t> dims(spec.dims.begin(), spec.dims.end());
  const Handle space(dims.empty() ? TATTN_H5(H5Screate, H5S_SCALAR)
                                  : TATTN_H5(H5Screate_simple, static_cast<int>(dims.size()), dims.data(), nullptr),
                     H5Sclose);
  const Handle how(TATTN_H5(H5Pcreate, H5P_DATASET_CREATE), H5Pclose);
  if (!spec.chunk.empty())
    TATTN_H5(H5Pset_chunk, how.get(), static_cast<int>(spec.chunk.size()), spec.chunk.data());
  if (spec.deflate > 0) TATTN_H5(H5Pset_deflate, how.get(), spec.deflate);
  const Handle dataset(
      TATTN_H5(H5Dcreate2, file, name.c_str(), spec.type, space.get(), H5P_DEFAULT, how.get(), H5P_DEFAULT),
      H5Dclose);
  const H5T_class_t kind = TATTN_H5(H5Tget_class, spec.type);
  if (spec.written && (kind == H5T_FLOAT || kind == H5T_INTEGER)) write_entries(dataset.get(), name, spec);
}

}  // namespace

double entry(const std::string& name, std::int64_t place) {
  const std::int64_t start = name.empty() ? 0 : 31 * name.front() + name.back();
  return static_cast<double>((start + 37 * place) % 509 - 254) / 16.0;
}

void FileSpec::write(const std::string& path) const {
  const Handle file(TATTN_H5(H5Fcreate, path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
  for (const auto& [name, spec] : datasets) write_dataset(file.get(), name, spec);
  if (extra) extra(file.get());
}

FileSpec operand_spec(const std::vector<std::int64_t>& leading, hid_t type) {
  const auto shaped = [&](std::int64_t rows, std::int64_t columns) {
    DatasetSpec spec{leading, type};
    spec.dims.push_back(rows);
    spec.dims.push_back(columns);
    return spec;
  };
  FileSpec file;
  file.datasets = {{"Q", shaped(7, 4)},  {"K1", shaped(5, 4)}, {"K2", shaped(6, 4)},
                   {"V1", shaped(5, 3)}, {"V2", shaped(6, 3)}, {"dO", shaped(7, 3)}};
  return file;
}

FileSpec problem_spec() {
  FileSpec file;
  for (const auto& [name, dims] : std::map<std::string, std::vector<std::int64_t>>{{"A1", {7, 4}},
                                                                                   {"A2", {5, 4}},
                                                                                   {"A3", {6, 4}},
                                                                                   {"A4", {5, 4}},
                                                                                   {"A5", {6, 4}},
                                                                                   {"X1", {4, 3}},
                                                                                   {"X2", {4, 3}},
                                                                                   {"X3", {4, 3}},
                                                                                   {"Y1", {4, 2}},
                                                                                   {"Y2", {4, 2}},
                                                                                   {"E", {7, 2}}})
    file.datasets[name] = {dims};
  return file;
}

void add_attribute(hid_t file, const std::string& name, hid_t type, const void* value, hsize_t values) {
  const Handle space(TATTN_H5(H5Screate_simple, 1, &values, nullptr), H5Sclose);
  const Handle attribute(TATTN_H5(H5Acreate2, file, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  TATTN_H5(H5Awrite, attribute.get(), type, value);
}

}  // namespace tattn::test
