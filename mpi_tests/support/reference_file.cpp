#include "support/reference_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>

namespace tattn::test {
namespace {

/// The gradient of a weight, the matrix its operand is made with, and the gradient of that operand.
constexpr std::array<std::array<const char*, 3>, 5> kWeights{
    {{"dX1", "A1", "dQ"}, {"dX2", "A2", "dK1"}, {"dX3", "A3", "dK2"}, {"dY1", "A4", "dV1"}, {"dY2", "A5", "dV2"}}};

/// A^T g, both with `rows` rows.
Matrix transposed_product(const Matrix& a, const Matrix& g, std::size_t rows) {
  const std::size_t left = a.size() / rows, right = g.size() / rows;
  Matrix result(left * right, 0.0);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t b = 0; b < left; ++b)
      for (std::size_t l = 0; l < right; ++l) result[b * right + l] += a[i * left + b] * g[i * right + l];
  return result;
}

/// An HDF5 identifier and the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {
    if (id < 0) throw std::runtime_error("a reference file cannot be read");
  }
  ~Handle() { close_(id_); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }  // NOLINT: it stands for the identifier

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

std::vector<std::int64_t> dimensions(hid_t file, const std::string& name) {
  const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  const Handle space(H5Dget_space(set), H5Sclose);
  std::vector<hsize_t> sizes(std::max(H5Sget_simple_extent_ndims(space), 0));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  return {sizes.begin(), sizes.end()};
}

Matrix read(hid_t file, const std::string& name) {
  const Handle set(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  std::int64_t count = 1;
  for (const std::int64_t size : dimensions(file, name)) count *= size;
  Matrix values(count);
  if (H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0)
    throw std::runtime_error("cannot read " + name);
  return values;
}

double read_attribute(hid_t file, const char* name) {
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT), H5Aclose);
  double value = 0;
  if (H5Aread(attribute, H5T_NATIVE_DOUBLE, &value) < 0) throw std::runtime_error("cannot read an attribute");
  return value;
}

std::size_t rows_of(const Reference& reference, const std::string& name) {
  return static_cast<std::size_t>(size_of(reference.c.problem.shape, name).rows);
}

bool has(hid_t file, const std::string& name) {
  return H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0;
}

bool is_single(hid_t file) {
  const Handle set(H5Dopen2(file, "Q", H5P_DEFAULT), H5Dclose);
  const Handle type(H5Dget_type(set), H5Tclose);
  return H5Tget_size(type) == sizeof(float);
}

Shape read_shape(hid_t file) {
  Shape shape;
  while (has(file, numbered("K", shape.order))) ++shape.order;
  const auto query = dimensions(file, "Q");
  for (std::size_t k = 0; k + 2 < query.size(); ++k) shape.slices *= query[k];
  shape.rows = query[query.size() - 2];
  shape.dim = query.back();
  for (int u = 0; u < shape.order; ++u) {
    const auto key = dimensions(file, numbered("K", u));
    shape.key_rows[u] = key[key.size() - 2];
  }
  shape.value_dim = dimensions(file, "V1").back();
  return shape;
}

void read_problem(hid_t file, Reference& reference) {
  Matrix upstream = reference.expected.at("O");
  const Matrix target = read(file, "E");
  for (std::size_t i = 0; i < upstream.size(); ++i) upstream[i] -= target[i];
  reference.c.in["dO"] = upstream;
  for (const auto& [weight, model, gradient] : kWeights) {
    reference.model[model] = read(file, model);
    reference.expected_weights[weight] = read(file, weight);
  }
}

}  // namespace

std::vector<std::string> reference_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TATTN_DATA "/reference"))
    if (entry.path().extension() == ".h5") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

Reference read_reference(const std::string& name) {
  const std::string path = std::string(TATTN_DATA "/reference/") + name + ".h5";
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  Reference reference;
  reference.single = is_single(file);
  const Shape shape = read_shape(file);
  reference.c.problem = {shape, read_attribute(file, "scale"), read_attribute(file, "causal") != 0};
  for (const auto& operand : input_names(shape.order))
    if (has(file, operand)) reference.c.in[operand] = read(file, operand);
  for (const auto& result : result_names(shape.order))
    if (has(file, result)) reference.expected[result] = read(file, result);
  if (has(file, "A1")) read_problem(file, reference);
  return reference;
}

Arrays weight_gradients(const Reference& reference, const Arrays& gradients) {
  Arrays result;
  for (const auto& [weight, model, gradient] : kWeights)
    result[weight] =
        transposed_product(reference.model.at(model), gradients.at(gradient), rows_of(reference, gradient));
  return result;
}

Arrays weight_bound(Reference reference, const Arrays& gradients, Arrays bound) {
  for (auto& [name, values] : reference.model)
    for (double& x : values) x = std::abs(x);
  for (const auto& [name, values] : gradients)
    for (std::size_t i = 0; i < values.size(); ++i)
      bound.at(name)[i] += std::numeric_limits<double>::epsilon() * static_cast<double>(rows_of(reference, name)) *
                           std::abs(values[i]);
  return weight_gradients(reference, bound);
}

Arrays reference_bound(const Arrays& expected) {
  Arrays bound;
  for (const auto& [name, values] : expected) {
    double largest = 0;
    for (const double x : values) largest = std::max(largest, std::abs(x));
    bound[name].assign(values.size(), 2e-14 * largest);
  }
  return bound;
}

}  // namespace tattn::test
