#include "exact/exact.hpp"

#include <algorithm>

#include "comm/row_exchange.hpp"
#include "exact/key_sums.hpp"
#include "exact/slice_work.hpp"
#include "plan/partition.hpp"

namespace tattn::exact {
namespace {

RowRange operator*(RowRange slices, std::int64_t rows) {
  return {slices.begin * rows, slices.end * rows};
}

/// The slices that some flattened query rows belong to.
RowRange slices_of(RowRange queries, std::int64_t rows) {
  if (queries.empty()) return {0, 0};
  return {queries.begin / rows, (queries.end - 1) / rows + 1};
}

/// This rank's share of the work, with the keys it needs.
template <class T>
class RankWork {
 public:
  RankWork(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options)
      : problem_(problem), threads_(options.threads), reproducible_(options.reproducible) {
    const auto shares = plan::partition_exact(problem, comm.size(), reproducible_).work;
    share_ = shares[static_cast<std::size_t>(comm.rank())];
    for (const auto& share : shares) most_parts_ = std::max(most_parts_, share.key_parts);
    slices_ = slices_of(share_.queries, problem.shape.rows);
    for (std::size_t u = 0; u < static_cast<std::size_t>(problem.shape.order); ++u) {
      const RowRange rows = slices_ * problem.shape.key_rows[u];
      key_.emplace_back(comm, operands.key[u], rows, problem.shape.dim);
      value_.emplace_back(comm, operands.value[u], rows, problem.shape.value_dim);
    }
  }

  [[nodiscard]] const plan::WorkShare& share() const { return share_; }
  [[nodiscard]] int most_parts() const { return most_parts_; }  ///< over the ranks
  [[nodiscard]] RowRange slices() const { return slices_; }

  /// Tuples of this rank, for its progress.
  [[nodiscard]] double tuples() const {
    const KeyBox box = part(SliceKeys<T>(problem_.shape, {}, {}));
    return static_cast<double>(share_.queries.size()) * static_cast<double>(box.outer.size()) *
           static_cast<double>(box.inner.size());
  }

  /// Calls f(work, first, slice) for each slice; `first` is where the slice's rows begin in share().queries.
  template <class F>
  void each_slice(const F& f) const {
    const Shape& shape = problem_.shape;
    for (std::int64_t slice = slices_.begin; slice < slices_.end; ++slice) {
      const RowRange rows = intersect(share_.queries, RowRange{slice, slice + 1} * shape.rows);
      std::array<const T*, kMaxOrder> key{}, value{};
      for (std::size_t u = 0; u < key_.size(); ++u) {
        key[u] = key_[u].data() + (slice - slices_.begin) * shape.key_rows[u] * shape.dim;
        value[u] = value_[u].data() + (slice - slices_.begin) * shape.key_rows[u] * shape.value_dim;
      }
      const SliceKeys<T> keys(shape, key, value);
      const RowRange within{rows.begin - slice * shape.rows, rows.end - slice * shape.rows};
      f(SliceWork<T>{keys, part(keys), within, problem_.scale, problem_.causal, threads_, reproducible_},
        rows.begin - share_.queries.begin, slice);
    }
  }

 private:
  /// This rank's of a slice's key space.
  [[nodiscard]] KeyBox part(const SliceKeys<T>& keys) const {
    return part_of({{0, keys.outer_tuples()}, {0, keys.inner_rows()}}, share_.key_parts, share_.key_part);
  }

  const Problem& problem_;
  int threads_;
  bool reproducible_;
  int most_parts_ = 1;
  plan::WorkShare share_;
  RowRange slices_;
  std::vector<FetchedRows<T>> key_, value_;
};

/// Ranks that share query rows each hold a partial softmax of them: the owner of a row merges all parts in order.
template <class T>
void merge_parts(const Communicator& comm, const RankWork<T>& work, const SoftmaxRows& partial, RowRange wanted,
                 std::int64_t value_dim, const Output<T>& out) {
  SoftmaxRows merged(wanted.size(), value_dim);
  for (int part = 0; part < work.most_parts(); ++part) {
    const bool mine = work.share().key_part == part;
    const Block<const double> held{partial.data(), mine ? work.share().queries : RowRange{}};
    const std::vector<double> rows = fetch_rows(comm, held, wanted, partial.columns());
    for (std::int64_t i = 0; i < wanted.size(); ++i) {
      const double* row = rows.data() + i * partial.columns();
      merged.merge(i, row[value_dim + 1], row, 1);
    }
  }
  merged.finish(out);
}

}  // namespace

template <class T>
void forward(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
             const Output<T>& out) {
  const Shape& shape = problem.shape;
  const RankWork<T> work(comm, problem, operands, options);
  const RowRange held = work.share().queries, wanted = operands.query.rows;
  const FetchedRows<T> query(comm, operands.query, held, shape.dim);
  Progress progress(options.progress, work.tuples());

  if (work.most_parts() > 1) {
    SoftmaxRows sums(held.size(), shape.value_dim);
    // Where keys are cut, every rank's range lies in one slice.
    work.each_slice([&](const SliceWork<T>& slice, std::int64_t, std::int64_t) {
      forward_slice(slice, query.data(), progress, sums);
    });
    return merge_parts(comm, work, sums, wanted, shape.value_dim, out);
  }
  const bool direct = comm.all(held == wanted || (held.empty() && wanted.empty()));
  std::vector<T> output(direct ? 0 : static_cast<std::size_t>(held.size() * shape.value_dim));
  std::vector<T> lse(direct ? 0 : static_cast<std::size_t>(held.size()));
  const Output<T> here = direct ? out : Output<T>{output.data(), lse.data()};
  work.each_slice([&](const SliceWork<T>& slice, std::int64_t first, std::int64_t) {
    SoftmaxRows sums(slice.rows.size(), shape.value_dim);
    forward_slice(slice, query.data() + first * shape.dim, progress, sums);
    sums.finish(Output<T>{here.output + first * shape.value_dim, here.lse + first});
  });
  if (direct) return;
  move_rows<T>(comm, {output.data(), held}, {out.output, wanted}, shape.value_dim);
  move_rows<T>(comm, {lse.data(), held}, {out.lse, wanted}, 1);
}

template <class T>
void gradient(const Communicator& comm, const Problem& problem, const Operands<T>& operands, const Options& options,
              const Output<const T>& out, const T* upstream, const Gradients<T>& gradients) {
  const Shape& shape = problem.shape;
  const RankWork<T> work(comm, problem, operands, options);
  const RowRange held = work.share().queries, owned = operands.query.rows;
  const FetchedRows<T> query(comm, operands.query, held, shape.dim);
  const FetchedRows<T> up(comm, {upstream, owned}, held, shape.value_dim);
  const FetchedRows<T> output(comm, {out.output, owned}, held, shape.value_dim);
  const FetchedRows<T> lse(comm, {out.lse, owned}, held, 1);
  Progress progress(options.progress, work.tuples());

  std::vector<double> query_sums(static_cast<std::size_t>(held.size() * shape.dim), 0.0);
  const auto add_slices = [&](auto& sums) {
    work.each_slice([&](const SliceWork<T>& slice, std::int64_t first, std::int64_t index) {
      sums.add(slice, index,
               {query.data() + first * shape.dim, up.data() + first * shape.value_dim,
                output.data() + first * shape.value_dim, lse.data() + first},
               progress, query_sums.data() + first * shape.dim);
    });
    sum_rows(comm, query_sums.data(), held, Block<T>{gradients.query, owned}, shape.dim);
  };
  if (options.reproducible) {
    KeySumTree<T> sums(shape);
    add_slices(sums);
    return sums.deliver(comm, held, operands, gradients);
  }
  KeySums<T> sums(shape, work.slices());
  add_slices(sums);
  sums.deliver(comm, operands, gradients);
}

template void forward(const Communicator&, const Problem&, const Operands<float>&, const Options&,
                      const Output<float>&);
template void forward(const Communicator&, const Problem&, const Operands<double>&, const Options&,
                      const Output<double>&);
template void gradient(const Communicator&, const Problem&, const Operands<float>&, const Options&,
                       const Output<const float>&, const float*, const Gradients<float>&);
template void gradient(const Communicator&, const Problem&, const Operands<double>&, const Options&,
                       const Output<const double>&, const double*, const Gradients<double>&);

}  // namespace tattn::exact
