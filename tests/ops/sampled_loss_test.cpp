// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/sampled_loss.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/sampled_loss.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Another loss of a row, to show that the op does not know which one it runs: the square of the target's lead over
/// the mean of the others, minus 1.
struct SquaredLead {
  template <class Real>
  double operator()(Real* scores, index_t count) const {
    double lead = static_cast<double>(scores[0]) - 1;
    for (index_t j = 1; j < count; ++j) lead -= static_cast<double>(scores[j]) / static_cast<double>(count - 1);
    for (index_t j = 0; j < count; ++j)
      scores[j] = static_cast<Real>(j == 0 ? 2 * lead : -2 * lead / static_cast<double>(count - 1));
    return lead * lead;
  }
};

struct Problem {
  Matrix states, table;       ///< (N, D), (V, D)
  std::vector<item_t> items;  ///< (N, S)
  index_t samples = 2;
  double scale = 0.25;
  Layout layout = Layout::dense;
  Matrix log_probability{};  ///< (1, V), or empty
};

Problem problem(index_t rows, index_t width, index_t samples, index_t items = 23) {
  Problem p{random_matrix(rows, width, 1), random_matrix(items, width, 2, 0.5), random_items(rows * samples, items, 3)};
  p.samples = samples;
  return p;
}

/// The same where items are sampled with probabilities of their own.
Problem with_probabilities(Problem p) {
  p.log_probability = random_matrix(1, p.table.rows, 4, 1.0, -3.0);
  return p;
}

struct Results {
  Matrix losses, coefficients, dstates;  ///< (1, N), (1, N S), (N, D)
};

template <class RowLoss>
Results by_loops(const Problem& p, const RowLoss& row_loss) {
  const index_t rows = p.states.rows, width = p.states.columns;
  Results r{Matrix(1, rows), Matrix(1, rows * p.samples), Matrix(rows, width)};
  for (index_t i = 0; i < rows; ++i) {
    double* scores = r.coefficients.values.data() + i * p.samples;
    const item_t* items = p.items.data() + i * p.samples;
    for (index_t j = 0; j < p.samples; ++j)
      for (index_t d = 0; d < width; ++d) scores[j] += p.states(i, d) * p.table(items[j], d);
    if constexpr (CorrectsSampling<RowLoss>)
      for (index_t j = 0; j < p.samples && p.log_probability.size() != 0; ++j)
        scores[j] -= row_loss.sampling_correction() * p.log_probability(items[j]);
    r.losses(i) = p.scale * row_loss(scores, p.samples);
    for (index_t j = 0; j < p.samples; ++j) {
      scores[j] *= p.scale;
      for (index_t d = 0; d < width; ++d) r.dstates(i, d) += scores[j] * p.table(items[j], d);
    }
  }
  return r;
}

template <class Context, class RowLoss = BinaryCrossEntropy>
Results evaluated(const Problem& p, const RowLoss& row_loss = {}, bool with_gradient = true) {
  using Space = typename Context::Space;
  Context context;
  const index_t rows = p.states.rows;
  PlacedScalars<Context> states(p.states, p.layout), table(p.table, p.layout),
      coefficients(unwritten(1, rows * p.samples), p.layout), dstates(unwritten(rows, p.states.columns), p.layout);
  Placed<item_t, Space> items(rows, p.samples, p.items, p.layout);
  Placed<double, Space> losses(unwritten(1, rows), p.layout);
  Placed<float, Space> log_probability(p.log_probability, p.layout);
  SampledLoss<Context, RowLoss> a{.states = states.matrix(),
                                  .table = table.matrix(),
                                  .items = items.matrix(),
                                  .scale = p.scale,
                                  .losses = losses.vector(),
                                  .coefficients = coefficients.vector(),
                                  .dstates = {},
                                  .row_loss = row_loss};
  if (p.log_probability.size() != 0) a.log_probability = log_probability.vector();
  if (with_gradient) a.dstates = dstates.matrix();
  ops::sampled_loss(context, a);
  return {losses.read(), coefficients.read(), dstates.read()};
}

/// The table's gradient, which follows by add_rows.
Matrix table_gradient(const Problem& p, const Matrix& coefficients_values) {
  CpuDouble context;
  const PlacedRowIndex<HostSpace> index(p.items);
  PlacedScalars<CpuDouble> states(p.states, p.layout), coefficients(coefficients_values, p.layout),
      dtable(Matrix(p.table.rows, p.table.columns), p.layout);
  ops::add_rows(context, AddRows<CpuDouble>{.source = states.matrix(),
                                            .index = index.view(),
                                            .coefficients = coefficients.vector(),
                                            .entries_per_row = p.samples,
                                            .target = dtable.matrix()});
  return dtable.read();
}

template <class Context, class RowLoss>
void check_against_loops(const Problem& p, const RowLoss& row_loss) {
  const Results r = evaluated<Context>(p, row_loss), expected = by_loops(p, row_loss);
  CHECK(difference(r.losses, expected.losses) <= tolerance<Context>::value);
  CHECK(difference(r.coefficients, expected.coefficients) <= tolerance<Context>::gradient);
  CHECK(difference(r.dstates, expected.dstates) <= tolerance<Context>::gradient);
  const Results without = evaluated<Context>(p, row_loss, false);
  CHECK(same_bits(without.losses, r.losses));
  CHECK(same_bits(without.coefficients, r.coefficients));
  CHECK(difference(without.dstates, unwritten(p.states.rows, p.states.columns)) == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("sampled_loss: against loops", "[ops]", SEQREC_TEST_BACKENDS) {
  for (const auto& [rows, width] : {std::array<index_t, 2>{1, 7}, {0, 5}, {33, 50}, {70, 64}, {5, 130}})
    for (const index_t samples : {1, 2, 4, 11})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(rows, width, samples, layout == Layout::strided);
        Problem p = problem(rows, width, samples);
        p.layout = layout;
        check_against_loops<TestType>(p, BinaryCrossEntropy{});
        check_against_loops<TestType>(p, Bpr{});
        check_against_loops<TestType>(p, SampledSoftmax{.temperature = 0.5});
        check_against_loops<TestType>(with_probabilities(p), SampledSoftmax{.temperature = 0.5});
        if (samples > 1) check_against_loops<TestType>(p, SquaredLead{});
      }
}

TEST_CASE("sampled_loss: gradients against central differences", "[ops]") {
  const auto check = [](Problem p, auto row_loss) {
    const Results r = evaluated<CpuDouble>(p, row_loss);
    const Matrix dtable = table_gradient(p, r.coefficients);
    const auto loss = [&] {
      double sum = 0;
      for (const double value : evaluated<CpuDouble>(p, row_loss, false).losses.values) sum += value;
      return sum;
    };
    CHECK(difference(r.dstates, central_differences(p.states, loss)) <= central_difference_tolerance);
    CHECK(difference(dtable, central_differences(p.table, loss)) <= central_difference_tolerance);
  };
  const Problem p = problem(9, 7, 4, 5);
  check(p, BinaryCrossEntropy{});
  check(p, BinaryCrossEntropy{.target_weight = 0.3});
  check(p, Bpr{});
  check(p, SampledSoftmax{});
  check(with_probabilities(p), SampledSoftmax{.temperature = 0.4});
  check(p, SquaredLead{});
}

TEST_CASE("sampled_loss: only what corrects for sampling looks at probabilities", "[ops]") {
  const Problem plain = problem(9, 7, 4), sampled = with_probabilities(plain);
  const auto same = [&](const auto& row_loss) {
    return same_bits(evaluated<CpuFloat>(plain, row_loss).losses, evaluated<CpuFloat>(sampled, row_loss).losses);
  };
  CHECK(same(BinaryCrossEntropy{}));
  CHECK(same(Bpr{}));
  CHECK(same(InfoNce{}.row_loss(23, 3)));
  CHECK_FALSE(same(SampledSoftmax{}));

  // a uniform probability is a constant in every logit, which a softmax ignores
  Problem uniform = plain;
  uniform.log_probability = Matrix(1, plain.table.rows, -3.0);
  CHECK(difference(evaluated<CpuDouble>(uniform, SampledSoftmax{}).losses,
                   evaluated<CpuDouble>(plain, SampledSoftmax{}).losses) <= tolerance<CpuDouble>::value);
}

TEST_CASE("sampled_loss: the corrected softmax estimates the full one whatever the sampling", "[ops]") {
  // One row whose items are drawn many times by q: with the correction the slope of an item, summed over its entries,
  // comes near the full softmax's probability; without it, near that of exp(s) q.
  constexpr index_t items = 6, draws = 60000;
  Problem p = problem(1, 4, 1 + draws, items);
  p.scale = 1;
  const double q[] = {0.4, 0.3, 0.15, 0.08, 0.05, 0.02};
  RandomStream random(5, Purpose::negatives, 2);
  p.log_probability = Matrix(1, items);
  for (index_t i = 0; i < items; ++i) p.log_probability(i) = std::log(q[i]);
  for (std::size_t j = 0; j <= draws; ++j) {
    double left = random.uniform();
    p.items[j] = 0;
    while (p.items[j] + 1 < items && left >= q[p.items[j]]) left -= q[p.items[j]++];
  }
  double weight[items], total = 0, total_by_q = 0;
  for (index_t i = 0; i < items; ++i) {
    double score = 0;
    for (index_t d = 0; d < 4; ++d) score += p.states(0, d) * p.table(i, d);
    weight[i] = std::exp(score);
    total += weight[i];
    total_by_q += weight[i] * q[i];
  }
  const auto probability_of = [&](const SampledSoftmax& row_loss, index_t item) {
    const Matrix slopes = evaluated<CpuDouble>(p, row_loss).coefficients;
    double sum = 0;
    for (index_t j = 1; j <= draws; ++j)
      if (p.items[static_cast<std::size_t>(j)] == item) sum += slopes(j);
    return sum;
  };
  for (index_t i = 0; i < items; ++i) {
    CHECK(probability_of({}, i) == Approx(weight[i] / total).epsilon(0.1));
    CHECK(probability_of({.corrects_sampling = false}, i) == Approx(weight[i] * q[i] / total_by_q).epsilon(0.1));
  }
}

TEST_CASE("sampled_loss: values and gradients of PyTorch", "[ops][golden]") {
  const auto check = [](const std::string& name, auto row_loss_of) {
    CAPTURE(name);
    Golden golden("sampled_loss_" + name);
    Problem p{golden.matrix("x"), golden.matrix("table"), golden.integers("items")};
    p.samples = 1 + static_cast<index_t>(golden.number("negatives"));
    p.scale = golden.number("loss_scale");
    if (name.substr(0, 3) != "bce") p.log_probability = golden.matrix("log_probability");
    const Results r = evaluated<CpuDouble>(p, row_loss_of(golden, p));
    Matrix losses = golden.matrix("row_losses");
    for (double& loss : losses.values) loss *= p.scale;
    CHECK(difference(r.losses, losses) <= golden_tolerance);
    Matrix coefficients(p.states.rows, p.samples);
    coefficients.values = r.coefficients.values;
    CHECK(difference(coefficients, golden.matrix("dscores")) <= golden_tolerance);
    CHECK(difference(r.dstates, golden.matrix("dx")) <= golden_tolerance);
    CHECK(difference(table_gradient(p, r.coefficients), golden.matrix("dtable")) <= golden_tolerance);
  };
  const auto binary_cross_entropy = [](const Golden&, const Problem&) { return BinaryCrossEntropy{}; };
  check("bce_1", binary_cross_entropy);
  check("bce_3", binary_cross_entropy);
  check("gbce", [](const Golden& golden, const Problem& p) {
    return GeneralisedBinaryCrossEntropy{golden.number("calibration")}.row_loss(p.table.rows, p.samples - 1);
  });
  check("bpr", [](const Golden&, const Problem&) { return Bpr{}; });
  check("softmax", [](const Golden& golden, const Problem&) { return SampledSoftmax{golden.number("temperature")}; });
  check("info_nce", [](const Golden& golden, const Problem& p) {
    return InfoNce{golden.number("temperature")}.row_loss(p.table.rows, p.samples - 1);
  });
}

TEMPLATE_TEST_CASE("sampled_loss: scores of ten thousand either way stay finite", "[ops]", SEQREC_TEST_BACKENDS) {
  Problem p = problem(4, 1, 2, 2);
  p.scale = 1;
  p.states.values = {1e4, 1e4, -1e4, -1e4};
  p.table.values = {1, -1};
  p.items = {0, 1, 1, 0, 0, 1, 1, 0};  // right, wrong, wrong, right
  const Results r = evaluated<TestType>(p);
  CHECK(r.losses.values == std::vector<double>{0, 2e4, 2e4, 0});
  CHECK(r.coefficients.values == std::vector<double>{0, 0, -1, 1, -1, 1, 0, 0});
  CHECK(r.dstates.values == std::vector<double>{0, 2, -2, 0});
}

TEST_CASE("sampled_loss: float agrees with double", "[ops]") {
  const Problem p = problem(150, 50, 6, 300);
  const Results single = evaluated<CpuFloat>(p), twice = evaluated<CpuDouble>(p);
  CHECK(difference(single.losses, twice.losses) <= tolerance<CpuFloat>::value);
  CHECK(difference(single.coefficients, twice.coefficients) <= tolerance<CpuFloat>::gradient);
  CHECK(difference(single.dstates, twice.dstates) <= tolerance<CpuFloat>::gradient);
}

TEST_CASE("sampled_loss: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const std::vector<item_t> items(12, 0);
  const auto message = [&](auto change) {
    auto a = SampledLoss<Context, BinaryCrossEntropy>{.states = context.matrix(4, 5),
                                                      .table = context.matrix(6, 5),
                                                      .items = {items.data(), 4, 3},
                                                      .losses = context.vector<double>(4),
                                                      .coefficients = context.vector(12),
                                                      .dstates = context.matrix(4, 5),
                                                      .row_loss = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::sampled_loss(context, a); });
  };
  const std::string op = "sampled_loss: ";
  CHECK(message([&](auto& a) { a.table = context.matrix(6, 4); }) == op + "columns of table is 4, expected 5");
  CHECK(message([&](auto& a) { a.items = {items.data(), 3, 3}; }) == op + "rows of items is 3, expected 4");
  CHECK(message([&](auto& a) {
          a.items = {items.data(), 4, 0};
        }) == op + "columns of items is 0, expected at least 1, the target");
  CHECK(message([&](auto& a) { a.losses = context.vector<double>(5); }) == op + "size of losses is 5, expected 4");
  CHECK(message([&](auto& a) { a.coefficients = context.vector(4); }) == op + "size of coefficients is 4, expected 12");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(3, 5); }) == op + "rows of dstates is 3, expected 4");
  CHECK(message([&](auto& a) { a.dstates = context.matrix(4, 6); }) == op + "columns of dstates is 6, expected 5");
  const std::vector<float> log_probability(5, -1.0f);
  CHECK(message([&](auto& a) {
          a.log_probability = {log_probability.data(), 5};
        }) == op + "size of log_probability is 5, expected 6");
}
