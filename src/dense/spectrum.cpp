#include "dense/spectrum.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "dense/scalapack.hpp"
#include "dense/slice_work.hpp"
#include "dense/softmax.hpp"
#include "plan/memory.hpp"
#include "tattn/error.hpp"

namespace tattn::dense {
namespace {

constexpr std::int64_t kBlock = 32;  // pdsyev wants square blocks
constexpr int kOne = 1;

void check_size(const Communicator& comm, const Problem& problem, int element_bytes, std::int64_t memory_bytes) {
  if (problem.shape.order > 2)
    throw Error(Status::usage,
                fmt::format("the spectrum is for orders 1 and 2, not order {}", problem.shape.order));
  if (problem.shape.rows > kMostSpectrumRows)
    throw Error(Status::failed, fmt::format("the spectrum is for at most {} query rows a slice, not {}",
                                            kMostSpectrumRows, problem.shape.rows));
  const std::int64_t gram_bytes = problem.shape.rows * problem.shape.rows * 8 / comm.size();
  plan::require_dense_memory(problem, plan::Pass::forward, element_bytes, comm.size(),
                             memory_bytes > 0 ? std::max<std::int64_t>(0, memory_bytes - gram_bytes) : INT64_MAX);
}

/// P P^T, lower triangle.
Matrix gram(const Communicator& comm, const Grid& grid, const Matrix& p) {
  Matrix product = make_matrix(comm, grid, {p.rows(), kBlock, grid.rows()}, {p.rows(), kBlock, grid.columns()});
  const int n = static_cast<int>(p.rows()), k = static_cast<int>(p.columns());
  const double one = 1, zero = 0;
  pdsyrk_("L", "N", &n, &k, &one, p.data(), &kOne, &kOne, p.descriptor(), &zero, product.data(), &kOne, &kOne,
          product.descriptor());
  return product;
}

/// Eigenvalues of a symmetric matrix given by its lower triangle, ascending. The matrix is spent.
std::vector<double> eigenvalues(const Communicator& comm, Matrix& matrix) {
  const int n = static_cast<int>(matrix.rows());
  std::vector<double> values(static_cast<std::size_t>(n));
  double unused = 0, best = 0;
  int info = 0;
  const auto call = [&](double* work, int size) {
    pdsyev_("N", "L", &n, matrix.data(), &kOne, &kOne, matrix.descriptor(), values.data(), &unused, &kOne, &kOne,
            matrix.descriptor(), work, &size, &info, 1, 1);
  };
  call(&best, -1);
  std::vector<double> work;
  comm.agree([&] { work.resize(static_cast<std::size_t>(best)); });
  call(work.data(), static_cast<int>(work.size()));
  comm.agree([&] {
    if (info != 0) throw Error(Status::failed, fmt::format("pdsyev finds no eigenvalues of P P^T (info {})", info));
  });
  return values;
}

double sum_of_squares(const Communicator& comm, const Matrix& matrix) {
  double sum = 0;
  for (std::int64_t x = 0; x < matrix.local_rows() * matrix.local_columns(); ++x)
    sum += matrix.data()[x] * matrix.data()[x];
  return comm.sum(sum);
}

/// The trace is the sum of the eigenvalues and of the squares of P: two ways that share no step.
void check_trace(const std::vector<double>& squares, double expected, double tolerance) {
  double trace = 0;
  for (const double square : squares) trace += square;
  if (!(std::abs(trace - expected) <= tolerance * expected))
    throw Error(Status::failed,
                fmt::format("the eigenvalues of P P^T add up to {} instead of {}", trace, expected));
}

}  // namespace

template <class T>
Spectrum spectrum(const Communicator& comm, const Problem& problem, const Operands<T>& operands,
                  std::int64_t memory_bytes) {
  check_size(comm, problem, sizeof(T), memory_bytes);
  SliceWork<T> work(comm, problem, operands);
  work.load_scores(0);
  (void)softmax_rows(work.grid(), work.weights);
  Spectrum result;
  result.squares = sum_of_squares(comm, work.weights);
  Matrix product = gram(comm, work.grid(), work.weights);
  result.values = eigenvalues(comm, product);
  std::reverse(result.values.begin(), result.values.end());
  const double rounding =
      std::numeric_limits<double>::epsilon() * static_cast<double>(work.weights.rows() + work.weights.columns());
  comm.agree(
      [&] { check_trace(result.values, result.squares, rounding * static_cast<double>(work.weights.rows())); });
  for (double& value : result.values) value = std::sqrt(std::max(0.0, value));
  result.smallest = result.values.front() * std::sqrt(rounding);
  return result;
}

template Spectrum spectrum(const Communicator&, const Problem&, const Operands<float>&, std::int64_t);
template Spectrum spectrum(const Communicator&, const Problem&, const Operands<double>&, std::int64_t);

}  // namespace tattn::dense
