#pragma once
// A case that every rank knows is cut into row blocks, handed to the library as a caller would do it, and
// the results are put together again on every rank.
#include <gtest/gtest.h>
#include <mpi.h>

#include <limits>
#include <optional>

#include "support/case.hpp"
#include "tattn/attention.hpp"

namespace tattn::test {

/// Which rows a rank holds. Every way covers each row once.
///
///     7 rows, 3 ranks   even [0 1 2|3 4|5 6]   reversed [5 6|3 4|0 1 2]
///                       uneven [0|1 2|3 .. 6]  last [||0 .. 6]  holes [0 .. 3||4 5 6]
enum class Cut { even, reversed, uneven, last, holes };

inline constexpr std::array kCuts{Cut::even, Cut::reversed, Cut::uneven, Cut::last, Cut::holes};

RowRange cut_rows(Cut cut, std::int64_t rows, int ranks, int rank);

/// How a case is given to the library.
struct How {
  Cut cut = Cut::even;  ///< of Q; the k-th operand after it is cut in the k-th way after this one
  int threads = 1;
  Method method = Method::exact;
  std::optional<std::int64_t> features{};
  bool reproducible = false;
};

/// How operand number `index` (Q 0, then K1.., then V1..) is cut.
Cut cut_of(const How& how, int index);

int rank_of(MPI_Comm comm);
int size_of_comm(MPI_Comm comm);

/// Sum over the ranks: puts matrices together of which each rank has its rows, and zeros elsewhere.
Matrix sum_over_ranks(MPI_Comm comm, const Matrix& mine);

/// This rank's rows of a matrix in the library's type, between guards that nobody may touch.
template <class T>
class LocalRows {
 public:
  LocalRows(const Matrix& all, RowRange rows, std::int64_t columns) : LocalRows(rows, columns) {
    for (std::int64_t x = 0; x < count(); ++x) memory_[kGuard + x] = static_cast<T>(all[rows.begin * columns + x]);
  }

  /// Not yet written: NaN.
  LocalRows(RowRange rows, std::int64_t columns)
      : rows_(rows), columns_(columns), memory_(rows.size() * columns + 2 * kGuard, kMark) {
    std::fill_n(data(), count(), std::numeric_limits<T>::quiet_NaN());
  }

  [[nodiscard]] std::int64_t count() const { return rows_.size() * columns_; }
  [[nodiscard]] T* data() { return memory_.data() + kGuard; }
  [[nodiscard]] T* data_or_null() { return rows_.empty() ? nullptr : data(); }
  [[nodiscard]] Block<const T> block() { return {data_or_null(), rows_}; }

  /// The whole matrix on every rank. Collective. Fails the test when a guard was touched.
  [[nodiscard]] Matrix gather(MPI_Comm comm, std::int64_t all_rows) {
    for (std::int64_t g = 0; g < kGuard; ++g) {
      EXPECT_EQ(memory_[g], kMark) << "written before the first row";
      EXPECT_EQ(memory_[memory_.size() - 1 - g], kMark) << "written behind the last row";
    }
    Matrix mine(all_rows * columns_, 0.0);
    for (std::int64_t x = 0; x < count(); ++x) mine[rows_.begin * columns_ + x] = static_cast<double>(data()[x]);
    return sum_over_ranks(comm, mine);
  }

 private:
  static constexpr std::int64_t kGuard = 16;
  static constexpr T kMark = T(-4711.25);
  RowRange rows_;
  std::int64_t columns_;
  std::vector<T> memory_;
};

/// All operands of a case on this rank.
template <class T>
class Scattered {
 public:
  Scattered(MPI_Comm comm, const Case& c, const How& how) : comm_(comm), shape_(c.problem.shape), how_(how) {
    int index = 0;
    for (const auto& name : input_names(shape_.order)) {
      const bool like_query = name == "Q" || name == "dO";
      rows_[name] = cut_rows(cut_of(how, like_query ? 0 : index), size_of(shape_, name).rows, size_of_comm(comm),
                             rank_of(comm));
      inputs_.emplace(name, LocalRows<T>(c.in.at(name), rows_[name], size_of(shape_, name).columns));
      ++index;
    }
  }

  [[nodiscard]] Operands<T> operands() {
    Operands<T> views;
    views.query = inputs_.at("Q").block();
    for (int u = 0; u < shape_.order; ++u) {
      views.key[u] = inputs_.at(numbered("K", u)).block();
      views.value[u] = inputs_.at(numbered("V", u)).block();
    }
    return views;
  }

  [[nodiscard]] T* upstream() { return inputs_.at("dO").data_or_null(); }

  /// Room for this rank's rows of a result; of `all` where that is given.
  [[nodiscard]] LocalRows<T> result(const std::string& name, const Matrix* all = nullptr) const {
    const RowRange rows = rows_.at(name == "O" || name == "LSE" ? "Q" : name.substr(1));
    const std::int64_t columns = size_of(shape_, name).columns;
    return all ? LocalRows<T>(*all, rows, columns) : LocalRows<T>(rows, columns);
  }

  [[nodiscard]] Matrix gather(const std::string& name, LocalRows<T>& rows) const {
    return rows.gather(comm_, size_of(shape_, name).rows);
  }

 private:
  MPI_Comm comm_;
  Shape shape_;
  How how_;
  std::map<std::string, RowRange> rows_;
  std::map<std::string, LocalRows<T>> inputs_;
};

Options options_of(const How& how);

/// O and LSE by the library, whole on every rank. Collective.
template <class T>
Arrays library_forward(MPI_Comm comm, const Case& c, const How& how) {
  Scattered<T> mine(comm, c, how);
  auto output = mine.result("O"), lse = mine.result("LSE");
  forward<T>(comm, c.problem, mine.operands(), options_of(how), {output.data_or_null(), lse.data_or_null()});
  return {{"O", mine.gather("O", output)}, {"LSE", mine.gather("LSE", lse)}};
}

/// The gradients by the library from a given O and LSE, whole on every rank. Collective.
template <class T>
Arrays library_gradient(MPI_Comm comm, const Case& c, const How& how, const Arrays& out) {
  const int order = c.problem.shape.order;
  Scattered<T> mine(comm, c, how);
  auto output = mine.result("O", &out.at("O")), lse = mine.result("LSE", &out.at("LSE"));
  std::map<std::string, LocalRows<T>> sums;
  for (const auto& name : result_names(order))
    if (name != "O" && name != "LSE") sums.emplace(name, mine.result(name));
  Gradients<T> into;
  into.query = sums.at("dQ").data_or_null();
  for (int u = 0; u < order; ++u) {
    into.key[u] = sums.at(numbered("dK", u)).data_or_null();
    into.value[u] = sums.at(numbered("dV", u)).data_or_null();
  }
  gradient<T>(comm, c.problem, mine.operands(), options_of(how), {output.data_or_null(), lse.data_or_null()},
              mine.upstream(), into);
  Arrays result;
  for (auto& [name, rows] : sums) result[name] = mine.gather(name, rows);
  return result;
}

/// O, LSE and every gradient by the library, whole on every rank. Collective.
template <class T>
Arrays library_attention(MPI_Comm comm, const Case& c, const How& how) {
  Arrays all = library_forward<T>(comm, c, how);
  all.merge(library_gradient<T>(comm, c, how, all));
  return all;
}

}  // namespace tattn::test
