// The loss of a training problem and the gradients of its weights: against the twin, against differences, and the
// whole X against its factors; however the rows are cut, in both types, orders 1 to 4.
#include <gtest/gtest.h>

#include <cmath>

#include "support/judge.hpp"
#include "support/plain_attention.hpp"
#include "support/plain_problem.hpp"
#include "tattn/error.hpp"
#include "training/full_gradient.hpp"
#include "training/loss.hpp"
#include "training/projection.hpp"

namespace tattn::test {
namespace {

using training::Loss;

/// What the library made of a problem, whole on every rank.
struct Found {
  Case c;          ///< its projected operands, and its O - E
  Arrays results;  ///< O, LSE, dX1 .., dY1 .., and dX for order 2
  double loss = 0;
};

template <class T>
Matrix gather(const T* mine, RowRange rows, std::int64_t columns, std::int64_t all_rows) {
  Matrix all(static_cast<std::size_t>(all_rows * columns), 0.0);
  for (std::int64_t x = 0; x < rows.size() * columns; ++x)
    all[rows.begin * columns + x] = static_cast<double>(mine[x]);
  return sum_over_ranks(MPI_COMM_WORLD, all);
}

template <class T>
void gather_case(const ProblemCase& c, const Loss<T>& loss, Found& found) {
  const Shape& shape = c.problem.attention.shape;
  const Operands<T> operands = loss.operands();
  const RowRange rows = operands.query.rows;
  found.c.problem = c.problem.attention;
  found.c.in["Q"] = gather(operands.query.data, rows, shape.dim, shape.rows);
  found.c.in["dO"] = gather(loss.upstream().data(), rows, shape.value_dim, shape.rows);
  for (int u = 0; u < shape.order; ++u) {
    const RowRange keys = operands.key[u].rows;
    found.c.in[numbered("K", u)] = gather(operands.key[u].data, keys, shape.dim, shape.key_rows[u]);
    found.c.in[numbered("V", u)] = gather(operands.value[u].data, keys, shape.value_dim, shape.key_rows[u]);
  }
  found.results["O"] = gather(loss.output().output, rows, shape.value_dim, shape.rows);
  found.results["LSE"] = gather(loss.output().lse, rows, 1, shape.rows);
}

void expect_same_on_every_rank(const std::vector<double>& values) {
  const Communicator comm(MPI_COMM_WORLD);
  const std::string mine(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  EXPECT_TRUE(comm.all(comm.broadcast(mine) == mine));
}

template <class T>
Found compute(const ProblemCase& c, Options options, Cut cut = Cut::even) {
  if (c.order() == 2) options.heavy_rows = {0, 0, 0};  // dX is not made beside heavy rows
  const Communicator comm(MPI_COMM_WORLD);
  const auto rows = cut_problem<T>(c, cut, MPI_COMM_WORLD);
  Loss<T> loss(comm, c.problem, rows);
  const std::vector<double> weights = c.weights();
  loss.set_weights(weights.data(), options.threads);
  const Plan plan = loss.make_plan(options, true);
  Found found;
  found.loss = loss.forward(plan, options);
  const std::vector<double> gradient = loss.gradient(plan, options);
  expect_same_on_every_rank(gradient);
  expect_same_on_every_rank({found.loss});
  for (const auto& view : weight_views(c.problem))
    found.results["d" + view.name] = {gradient.begin() + view.offset, gradient.begin() + view.end()};
  if (c.order() == 2) {
    found.results["dX"] = full_gradient(comm, loss, plan, options);
    expect_same_on_every_rank(found.results["dX"]);
  }
  gather_case(c, loss, found);
  return found;
}

/// dX and its bound from the twin on the lifted case, whose dQ is p (A2 (x) A3).
void add_whole(const ProblemCase& c, const Found& found, Precision precision, Arrays& want, Arrays& bound) {
  const Case lift = lifted(c, found.c, whole_weight(c));
  const Arrays truth = plain_attention(lift), rounding = rounding_bound(lift, precision);
  const std::int64_t rows = c.problem.attention.shape.rows;
  want["dX"] = transposed_product(c.in.at("A1"), truth.at("dQ"), rows);
  Matrix model = c.in.at("A1"), error = rounding.at("dQ");
  for (double& x : model) x = std::abs(x);
  for (std::size_t x = 0; x < error.size(); ++x)
    error[x] += static_cast<double>(rows) * std::numeric_limits<double>::epsilon() * std::abs(truth.at("dQ")[x]);
  bound["dX"] = transposed_product(model, error, rows);
}

/// Every result is the twin's on the library's own projections, up to the rounding of T. What the projections
/// are off by in double, and X1 (X2 (/) X3)^T in the twin, is rounding like that of the scores: hence twice.
template <class T>
std::string judge(const ProblemCase& c, const Found& found) {
  const Precision precision = precision_of<T>();
  const Arrays truth = plain_attention(found.c), rounding = rounding_bound(found.c, precision);
  Arrays want = weight_gradients(c, truth), bound = weight_bound(c, truth, rounding);
  for (const char* name : {"O", "LSE"}) want[name] = truth.at(name), bound[name] = rounding.at(name);
  if (c.order() == 2) add_whole(c, found, precision, want, bound);
  const Matrix &output = truth.at("O"), &target = c.in.at("E");
  double loss = 0, error = 0;
  for (std::size_t x = 0; x < output.size(); ++x) {
    const double difference = output[x] - target[x];
    loss += difference * difference / 2;
    error +=
        std::abs(difference) * (rounding.at("O")[x] + precision.eps * (std::abs(output[x]) + std::abs(target[x])));
  }
  if (!(std::abs(found.loss - loss) <= 2 * error)) return "loss " + std::to_string(found.loss);
  return first_difference(found.results, want, times(2, bound));
}

template <class T>
void expect_like_twin(const ProblemCase& c, const Options& options, Cut cut, const std::string& what) {
  const Found found = compute<T>(c, options, cut);
  expect_verdict(
      MPI_COMM_WORLD, [&] { return judge<T>(c, found); }, what);
}

Options by(Method method, int threads = 1) {
  Options options;
  options.method = method;
  options.threads = threads;
  return options;
}

TEST(Loss, IsTheTwinsHoweverTheRowsAreCut) {
  const ProblemCase c = random_problem(make_shape(1, 12, {9, 11}, 3, 4), 5, 1);
  for (const Cut cut : kCuts) expect_like_twin<double>(c, by(Method::exact), cut, "double");
  expect_like_twin<float>(c, by(Method::exact, 2), Cut::uneven, "float");
  expect_like_twin<double>(c, by(Method::dense), Cut::reversed, "double");
  expect_like_twin<float>(c, by(Method::dense), Cut::holes, "float");
}

TEST(Loss, OfEveryOrderAndCausal) {
  for (int order = 1; order <= kMaxOrder; ++order) {
    const std::vector<std::int64_t> keys(static_cast<std::size_t>(order), 5);
    for (const bool causal : {false, true}) {
      const ProblemCase c = random_problem(make_shape(1, 5, keys, 3, 2), 4, 2, causal);
      expect_like_twin<double>(c, by(Method::exact), Cut::even, std::to_string(order));
      expect_like_twin<float>(c, by(Method::exact), Cut::last, std::to_string(order));
    }
  }
}

TEST(Loss, OfFewerRowsThanRanks) {
  const ProblemCase c = random_problem(make_shape(1, 2, {1, 3}, 2, 2), 3, 3);
  for (const Method method : {Method::exact, Method::dense})
    expect_like_twin<double>(c, by(method), Cut::holes, "few rows");
}

TEST(Loss, ManyKeysAndBlocks) {  // more than one block of queries and of keys of the full gradient
  const ProblemCase c = random_problem(make_shape(1, 40, {3, 200}, 2, 3), 3, 4);
  expect_like_twin<double>(c, by(Method::exact, 3), Cut::uneven, "many keys");
}

double norm(const Matrix& values) {
  double sum = 0;
  for (const double x : values) sum += x * x;
  return std::sqrt(sum);
}

double distance(Matrix a, const Matrix& b) {
  for (std::size_t x = 0; x < a.size(); ++x) a[x] -= b[x];
  return norm(a);
}

/// A polynomial certified to e changes each softmax weight by e of itself, and its derivative by the error of one
/// degree less; results that do not cancel follow with a factor of a few, here the t + 2 factors of a product.
TEST(Loss, ByThePolynomialWithinItsTolerance) {
  Options options = by(Method::polynomial);
  options.certified = true;
  options.tolerance = 1e-6;
  for (const int order : {1, 2, 3}) {
    const std::vector<std::int64_t> keys(static_cast<std::size_t>(order), 13);
    const ProblemCase c = random_problem(make_shape(1, 17, keys, 2, 3), 3, 5);
    const Found exact = compute<double>(c, by(Method::exact)), found = compute<double>(c, options);
    EXPECT_NEAR(found.loss, exact.loss, (order + 2) * options.tolerance * exact.loss);
    for (const auto& [name, values] : exact.results)
      EXPECT_LE(distance(found.results.at(name), values), (order + 2) * options.tolerance * norm(values)) << name;
  }
}

/// D = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h, off by c h^4 and rounding.
double slope(const std::function<double(double)>& f, double h) {
  return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
}

/// The error of D(h/2) is a fifteenth of its difference to D(h), if the differences converge as they should; all
/// of that difference is allowed, but no more than a thousandth of the largest slope.
void expect_slope(double found, const std::function<double(double)>& f, double error_of_f, double largest,
                  const std::string& what) {
  constexpr double kStep = 0x1p-7;
  const double coarse = slope(f, kStep), fine = slope(f, kStep / 2), difference = std::abs(coarse - fine);
  EXPECT_LE(difference, 1e-3 * largest) << what;
  EXPECT_NEAR(found, fine, difference + 1.5 * error_of_f / (kStep / 2)) << what;
}

double largest(const Matrix& values) {
  double top = 0;
  for (const double x : values) top = std::max(top, std::abs(x));
  return top;
}

/// Rounding of the loss in double: that of O, seen through O - E.
double loss_error(const Found& found) {
  const Arrays rounding = rounding_bound(found.c, precision_of<double>());
  double error = std::numeric_limits<double>::epsilon() * found.loss * static_cast<double>(rounding.at("O").size());
  for (std::size_t x = 0; x < rounding.at("O").size(); ++x)
    error += 2 * std::abs(found.c.in.at("dO")[x]) * rounding.at("O")[x];
  return error;
}

TEST(Loss, WeightGradientsAreItsDifferences) {
  const Communicator comm(MPI_COMM_WORLD);
  for (int order = 1; order <= 3; ++order) {
    const ProblemCase c = random_problem(make_shape(1, 6, std::vector<std::int64_t>(order, 4), 2, 2), 3, 6);
    const Found found = compute<double>(c, by(Method::exact));
    const auto rows = cut_problem<double>(c, Cut::even, MPI_COMM_WORLD);
    Loss<double> loss(comm, c.problem, rows);
    const double error = loss_error(found);
    for (const auto& view : weight_views(c.problem))
      for (const std::int64_t at : {std::int64_t{0}, view.size() - 1}) {
        const auto f = [&](double step) {
          std::vector<double> weights = c.weights();
          weights[static_cast<std::size_t>(view.offset + at)] += step;
          return evaluate(loss, weights, Plan{}, by(Method::exact), false).loss;
        };
        const Matrix& gradient = found.results.at("d" + view.name);
        expect_slope(gradient[static_cast<std::size_t>(at)], f, error, largest(gradient), view.name);
      }
  }
}

TEST(Loss, FullGradientIsTheDifferenceInTheWholeX) {
  const ProblemCase c = random_problem(make_shape(1, 6, {4, 5}, 2, 2), 3, 7);
  for (const Method method : {Method::exact, Method::dense}) {
    const Found found = compute<double>(c, by(method));
    const Matrix x = whole_weight(c), &gradient = found.results.at("dX");
    const Case base = projected(c);
    expect_verdict(
        MPI_COMM_WORLD,
        [&] {
          for (std::size_t at = 0; at < x.size(); ++at) {
            const auto f = [&](double step) {
              Matrix moved = x;
              moved[at] += step;
              return plain_loss(lifted(c, base, moved));
            };
            expect_slope(gradient[at], f, loss_error(found), largest(gradient), std::to_string(at));
          }
          return std::string();
        },
        "dX");
  }
}

/// dX1 = dX (X2 (/) X3), and dX2[b] = sum over q, c of dX[q, bc] X1[q] * X3[c], ..: the chain rule of
/// X = X1 (X2 (/) X3)^T.
Arrays contract(const ProblemCase& c, const Matrix& whole) {
  const std::int64_t a = c.problem.model_dim, d = c.problem.attention.shape.dim;
  Arrays result;
  for (const char* name : {"dX1", "dX2", "dX3"}) result[name].assign(static_cast<std::size_t>(a * d), 0.0);
  for (std::int64_t q = 0; q < a; ++q)
    for (std::int64_t b = 0; b < a; ++b)
      for (std::int64_t e = 0; e < a; ++e)
        for (std::int64_t l = 0; l < d; ++l) {
          const double g = whole[(q * a + b) * a + e];
          const double x1 = c.in.at("X1")[q * d + l], x2 = c.in.at("X2")[b * d + l], x3 = c.in.at("X3")[e * d + l];
          result["dX1"][q * d + l] += g * x2 * x3;
          result["dX2"][b * d + l] += g * x1 * x3;
          result["dX3"][e * d + l] += g * x1 * x2;
        }
  return result;
}

TEST(Loss, FactorGradientsAreContractionsOfTheFullOne) {
  const ProblemCase c = random_problem(make_shape(1, 14, {9, 11}, 3, 2), 4, 8);
  Options polynomial = by(Method::polynomial);
  polynomial.certified = true;
  polynomial.tolerance = 1e-6;
  for (const Options& options : {by(Method::exact), by(Method::dense), polynomial}) {
    const Found found = compute<double>(c, options);
    // Both sides are within the tolerance, or within rounding of sums over all rows.
    const double allowed = options.method == Method::polynomial
                               ? 4 * options.tolerance
                               : 14 * 9 * 11 * std::numeric_limits<double>::epsilon();
    for (const auto& [name, values] : contract(c, found.results.at("dX")))
      EXPECT_LE(distance(values, found.results.at(name)), allowed * norm(values)) << name;
  }
}

TEST(Loss, FullGradientRefusesOtherOrders) {
  const Communicator comm(MPI_COMM_WORLD);
  const ProblemCase c = random_problem(make_shape(1, 5, {4}, 2, 2), 3, 9);
  const auto rows = cut_problem<double>(c, Cut::even, MPI_COMM_WORLD);
  const Loss<double> loss(comm, c.problem, rows);
  try {
    (void)full_gradient(comm, loss, Plan{}, Options{});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::usage);
  }
}

TEST(Projection, IsTheProductRoundedOnce) {
  const ProblemCase c = random_problem(make_shape(1, 33, {7, 8}, 5, 3), 9, 10);
  const auto rows = cut_problem<float>(c, Cut::even, MPI_COMM_SELF);
  for (const int threads : {1, 3}) {
    std::vector<float> query(33 * 5);
    training::project(rows.query.data(), 33, 9, c.in.at("X1").data(), 5, threads, query.data());
    const Matrix expected = projected(c).in.at("Q");
    for (std::size_t x = 0; x < expected.size(); ++x)
      EXPECT_NEAR(query[x], expected[x], std::numeric_limits<float>::epsilon() * std::abs(expected[x]));
  }
}

}  // namespace
}  // namespace tattn::test
