#pragma once
#include <cstdint>
#include <random>
#include <vector>

#include "comm/communicator.hpp"
#include "tattn/operands.hpp"
#include "tattn/problem.hpp"

namespace tattn::bench {

/// This rank's rows of everything that passes over order-2 attention take and give: `rows` rows of each operand,
/// key and value dim `dim`, normal entries with standard deviation `spread`, scale 1 / dim.
template <class T>
struct AttentionCase {
  AttentionCase(const Communicator& comm, std::int64_t all_rows, std::int64_t dim, double spread)
      : rows(even_range(all_rows, comm.size(), comm.rank())), size(rows.size() * dim) {
    for (unsigned id = 0; id < 6; ++id)
      in.push_back(normal_entries(id * 1000 + static_cast<unsigned>(comm.rank()), spread));
    for (int id = 0; id < 6; ++id) results.emplace_back(static_cast<std::size_t>(size));
    lse.resize(static_cast<std::size_t>(rows.size()));
    problem.shape = {2, 1, all_rows, {all_rows, all_rows}, dim, dim};
    problem.scale = 1.0 / static_cast<double>(dim);
    operands.query = {in[0].data(), rows};
    for (std::size_t u = 0; u < 2; ++u) {
      operands.key[u] = {in[1 + u].data(), rows};
      operands.value[u] = {in[3 + u].data(), rows};
    }
  }

  [[nodiscard]] Output<T> output() { return {results[0].data(), lse.data()}; }
  [[nodiscard]] Output<const T> made() const { return {results[0].data(), lse.data()}; }
  [[nodiscard]] const T* upstream() const { return in[5].data(); }
  [[nodiscard]] Gradients<T> gradients() {
    return {results[1].data(), {results[2].data(), results[3].data()}, {results[4].data(), results[5].data()}};
  }

  RowRange rows;
  std::int64_t size;
  std::vector<std::vector<T>> in, results;
  std::vector<T> lse;
  Problem problem;
  Operands<T> operands;

 private:
  [[nodiscard]] std::vector<T> normal_entries(unsigned seed, double spread) const {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, spread);
    std::vector<T> values(static_cast<std::size_t>(size));
    for (T& value : values) value = static_cast<T>(normal(random));
    return values;
  }
};

}  // namespace tattn::bench
