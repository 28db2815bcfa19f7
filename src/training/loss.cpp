#include "training/loss.hpp"

#include "comm/sum_on_one.hpp"
#include "training/projection.hpp"
#include "training/target.hpp"
#include "training/weight_blocks.hpp"

namespace tattn::training {

template <class T>
Loss<T>::Loss(const Communicator& comm, const TrainingProblem& problem, const ProblemRows<T>& rows)
    : comm_(comm), problem_(problem), rows_(rows) {
  comm.agree([&] {
    const Shape& shape = problem_.attention.shape;
    const auto room = [](RowRange range, std::int64_t columns) {
      return std::vector<T>(static_cast<std::size_t>(range.size() * columns));
    };
    query_ = room(rows.query_rows, shape.dim);
    output_ = room(rows.query_rows, shape.value_dim);
    upstream_ = output_;
    lse_ = room(rows.query_rows, 1);
    for (std::size_t u = 0; u < static_cast<std::size_t>(shape.order); ++u) {
      key_[u] = room(rows.key_rows[u], shape.dim);
      value_[u] = room(rows.key_rows[u], shape.value_dim);
    }
  });
}

template <class T>
template <class F>
void Loss<T>::each_weight(const F& f) {
  const auto order = static_cast<std::size_t>(problem_.attention.shape.order);
  const Shape& shape = problem_.attention.shape;
  const auto key_rows = [&](std::size_t u) { return Rows{rows_.key_rows[u], shape.key_rows[u]}; };
  f(rows_.query, Rows{rows_.query_rows, shape.rows}, query_, d_query_);
  for (std::size_t u = 0; u < order; ++u) f(rows_.key[u], key_rows(u), key_[u], d_key_[u]);
  for (std::size_t u = 0; u < order; ++u) f(rows_.value[u], key_rows(u), value_[u], d_value_[u]);
}

template <class T>
void Loss<T>::set_weights(const double* weights, int threads) {
  const std::vector<WeightView> views = weight_views(problem_);
  auto view = views.cbegin();
  each_weight([&](const std::vector<T>& a, const Rows& rows, std::vector<T>& projected, const std::vector<T>&) {
    project(a.data(), rows.mine.size(), view->rows, weights + view->offset, view->columns, threads,
            projected.data());
    ++view;
  });
}

template <class T>
Plan Loss<T>::make_plan(const Options& options, bool gradients) const {
  return tattn::make_plan(comm_.handle(), problem_.attention, operands(), options, gradients);
}

template <class T>
double Loss<T>::forward(const Plan& plan, const Options& options) {
  tattn::forward<T>(comm_.handle(), problem_.attention, plan, operands(), options, {output_.data(), lse_.data()},
                    &kept_);
  return loss_of_target<T>(comm_, problem_.attention.shape, {output_.data(), rows_.query_rows}, rows_.target.data(),
                           upstream_.data(), options.reproducible);
}

template <class T>
std::vector<double> Loss<T>::gradient(const Plan& plan, const Options& options) {
  std::vector<double> sums;
  Gradients<T> into;
  comm_.agree([&] {
    sums.assign(static_cast<std::size_t>(weight_count(problem_)), 0.0);
    into = row_gradients();
  });
  tattn::gradient<T>(comm_.handle(), problem_.attention, plan, operands(), options, output(), upstream_.data(),
                     into, &kept_);
  const std::vector<WeightView> views = weight_views(problem_);
  auto view = views.cbegin();
  each_weight([&](const std::vector<T>& a, const Rows& rows, const std::vector<T>&, const std::vector<T>& d) {
    double* to = sums.data() + view->offset;
    if (options.reproducible)
      weight_gradient_in_blocks<T>(comm_, {a.data(), rows.mine}, d.data(), rows.all, *view, to);
    else
      add_weight_gradient(a.data(), d.data(), rows.mine.size(), view->rows, view->columns, options.threads, to);
    ++view;
  });
  if (!options.reproducible) sum_on_one(comm_, sums.data(), static_cast<std::int64_t>(sums.size()));
  return sums;
}

template <class T>
Operands<T> Loss<T>::operands() const {
  Operands<T> views;
  views.query = {query_.data(), rows_.query_rows};
  for (std::size_t u = 0; u < static_cast<std::size_t>(problem_.attention.shape.order); ++u) {
    views.key[u] = {key_[u].data(), rows_.key_rows[u]};
    views.value[u] = {value_[u].data(), rows_.key_rows[u]};
  }
  return views;
}

template <class T>
Gradients<T> Loss<T>::row_gradients() {
  Gradients<T> views;
  d_query_.resize(query_.size());
  views.query = d_query_.data();
  for (std::size_t u = 0; u < key_.size(); ++u) {
    d_key_[u].resize(key_[u].size());
    d_value_[u].resize(value_[u].size());
    views.key[u] = d_key_[u].data();
    views.value[u] = d_value_[u].data();
  }
  return views;
}

template <class T>
LossResult evaluate(Loss<T>& loss, const std::vector<double>& weights, const Plan& plan, const Options& options,
                    bool gradients) {
  LossResult result;
  loss.set_weights(weights.data(), options.threads);
  result.loss = loss.forward(plan, options);
  if (gradients) result.gradient = loss.gradient(plan, options);
  return result;
}

#define TATTN_INSTANTIATE(T) \
  template class Loss<T>;    \
  template LossResult evaluate(Loss<T>&, const std::vector<double>&, const Plan&, const Options&, bool);
TATTN_INSTANTIATE(float)
TATTN_INSTANTIATE(double)
#undef TATTN_INSTANTIATE

}  // namespace tattn::training
