// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/sampled_loss.hpp"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu/add_rows.hpp"
#include "seqrec/cpu/sampled_loss.hpp"
#include "seqrec/cuda/sampled_loss.cuh"
#include "seqrec/ops/session_losses.hpp"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/histories.hpp"
#include "support/row_losses.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Another loss of a row, to show that the op does not know which one it runs: the square of the target's lead over
/// the mean of the others, minus 1.
struct SquaredLead {
  template <class Real>
  SEQREC_HOST_DEVICE double operator()(Real* scores, index_t count) const {
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
  Matrix bias{};             ///< (1, V), or empty
  std::vector<item_t> shared{};
  std::vector<offset_t> item_offsets{}, row_offsets{};  ///< of segments that share; empty where all rows share all
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

/// The same with biases and items that rows share, repetitions and targets among them.
Problem sharing(index_t rows, index_t width, index_t samples, index_t shared, index_t items = 23) {
  Problem p = with_probabilities(problem(rows, width, samples, items));
  p.bias = random_matrix(1, items, 5);
  p.shared = random_items(shared, items, 6);
  if (shared > 1) p.shared[1] = p.shared[0];
  return p;
}

struct Results {
  Matrix losses, coefficients, dstates;  ///< (1, N), (1, N S), (N, D)
  Matrix dshared{}, dshared_bias{};      ///< (M, D), (1, M)
};

template <class RowLoss>
double score_by_loops(const Problem& p, const RowLoss& row_loss, index_t row, item_t item) {
  double score = p.bias.size() != 0 ? p.bias(item) : 0;
  for (index_t d = 0; d < p.states.columns; ++d) score += p.states(row, d) * p.table(item, d);
  if constexpr (CorrectsSampling<RowLoss>)
    if (p.log_probability.size() != 0) score -= row_loss.sampling_correction() * p.log_probability(item);
  return score;
}

/// What shared items add: every row's scores are those of its own items and of the shared ones that are not its target.
template <class RowLoss>
Results sharing_by_loops(const Problem& p, const RowLoss& row_loss) {
  const index_t rows = p.states.rows, width = p.states.columns, count = static_cast<index_t>(p.shared.size());
  Results r{Matrix(1, rows), Matrix(1, rows * p.samples), Matrix(rows, width), Matrix(count, width), Matrix(1, count)};
  for (index_t i = 0; i < rows; ++i) {
    index_t begin = 0, end = count;
    for (std::size_t segment = 0; segment + 1 < p.row_offsets.size(); ++segment)
      if (p.row_offsets[segment] <= i && i < p.row_offsets[segment + 1]) {
        begin = p.item_offsets[segment];
        end = p.item_offsets[segment + 1];
      }
    const item_t* own = p.items.data() + i * p.samples;
    std::vector<index_t> places;  // in `shared`
    std::vector<double> scores;
    for (index_t j = 0; j < p.samples; ++j) scores.push_back(score_by_loops(p, row_loss, i, own[j]));
    for (index_t j = begin; j < end; ++j)
      if (p.shared[static_cast<std::size_t>(j)] != own[0]) {
        places.push_back(j);
        scores.push_back(score_by_loops(p, row_loss, i, p.shared[static_cast<std::size_t>(j)]));
      }
    r.losses(i) = p.scale * loss_of_row(row_loss, scores.data(), static_cast<index_t>(scores.size()));
    for (std::size_t k = 0; k < scores.size(); ++k) {
      const double slope = p.scale * scores[k];
      const auto j = static_cast<index_t>(k);
      const bool is_own = j < p.samples;
      const index_t place = is_own ? 0 : places[k - static_cast<std::size_t>(p.samples)];
      const item_t item = is_own ? own[j] : p.shared[static_cast<std::size_t>(place)];
      if (is_own) r.coefficients(i * p.samples + j) = slope;
      if (!is_own) r.dshared_bias(place) += slope;
      for (index_t d = 0; d < width; ++d) {
        r.dstates(i, d) += slope * p.table(item, d);
        if (!is_own) r.dshared(place, d) += slope * p.states(i, d);
      }
    }
  }
  return r;
}

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
    r.losses(i) = p.scale * loss_of_row(row_loss, scores, p.samples);
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
  const auto count = static_cast<index_t>(p.shared.size());
  PlacedScalars<Context> bias(p.bias, p.layout), dshared(unwritten(count, p.states.columns), p.layout),
      dshared_bias(unwritten(1, count), p.layout);
  const auto shared = placed<Space>(p.shared);
  const auto item_offsets = placed<Space>(p.item_offsets), row_offsets = placed<Space>(p.row_offsets);
  SampledLoss<Context, RowLoss> a{.states = states.matrix(),
                                  .head = {table.matrix()},
                                  .items = items.matrix(),
                                  .scale = p.scale,
                                  .losses = losses.vector(),
                                  .coefficients = coefficients.vector(),
                                  .dstates = {},
                                  .row_loss = row_loss};
  if (p.log_probability.size() != 0) a.log_probability = log_probability.vector();
  if (p.bias.size() != 0) a.head.bias = bias.vector();
  a.shared.items = shared.view();
  a.shared.item_offsets = item_offsets.view();
  a.shared.row_offsets = row_offsets.view();
  for (std::size_t i = 1; i < p.item_offsets.size(); ++i)
    a.shared.longest = std::max<index_t>(a.shared.longest, p.item_offsets[i] - p.item_offsets[i - 1]);
  if (with_gradient) {
    a.dstates = dstates.matrix();
    if (count != 0) a.shared.dtable = dshared.matrix();
    if (count != 0) a.shared.dbias = dshared_bias.vector();
  }
  ops::sampled_loss(context, a);
  return {losses.read(), coefficients.read(), dstates.read(), dshared.read(), dshared_bias.read()};
}

/// The head's gradients, which follow by add_rows.
struct HeadGradient {
  Matrix table, bias;  ///< (V, D), (1, V)
};
HeadGradient head_gradient(const Problem& p, const Results& r) {
  CpuDouble context;
  const PlacedRowIndex<HostSpace> index(p.items), shared_index(p.shared);
  PlacedScalars<CpuDouble> states(p.states, p.layout), coefficients(r.coefficients, p.layout),
      dshared(r.dshared, p.layout), dshared_bias(r.dshared_bias, p.layout),
      dtable(Matrix(p.table.rows, p.table.columns), p.layout), dbias(Matrix(1, p.table.rows), p.layout);
  const auto add = [&](auto source, const RowIndex<HostSpace>& of, auto weights, index_t each, auto target) {
    ops::add_rows(context, AddRows<CpuDouble>{source, of, weights, each, target});
  };
  const auto column = [](auto of) { return MatrixView<double, HostSpace>(of.data, of.size(), 1); };
  const VectorView<double, HostSpace> ones;
  add(states.matrix(), index.view(), coefficients.vector(), p.samples, dtable.matrix());
  add(column(coefficients.vector()), index.view(), ones, 1, column(dbias.vector()));
  if (!p.shared.empty()) {
    add(dshared.matrix(), shared_index.view(), ones, 1, dtable.matrix());
    add(column(dshared_bias.vector()), shared_index.view(), ones, 1, column(dbias.vector()));
  }
  return {dtable.read(), dbias.read()};
}
Matrix table_gradient(const Problem& p, const Matrix& coefficients) {
  return head_gradient(p, {{}, coefficients, {}}).table;
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

TEMPLATE_TEST_CASE("sampled_loss: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
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

TEMPLATE_TEST_CASE("sampled_loss: items that rows share, with biases, against loops", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const auto check = [](const Problem& p, const auto& row_loss) {
    const Results r = evaluated<TestType>(p, row_loss), expected = sharing_by_loops(p, row_loss);
    CHECK(difference(r.losses, expected.losses) <= tolerance<TestType>::value);
    CHECK(difference(r.coefficients, expected.coefficients) <= tolerance<TestType>::gradient);
    CHECK(difference(r.dstates, expected.dstates) <= tolerance<TestType>::gradient);
    CHECK(difference(r.dshared, expected.dshared) <= tolerance<TestType>::gradient);
    CHECK(difference(r.dshared_bias, expected.dshared_bias) <= tolerance<TestType>::gradient);
    const Results without = evaluated<TestType>(p, row_loss, false);
    CHECK(same_bits(without.losses, r.losses));
    CHECK(same_bits(without.dshared, unwritten(r.dshared.rows, r.dshared.columns)));
  };
  const auto check_all = [&](const Problem& p) {
    check(p, BinaryCrossEntropy{});
    check(p, Bpr{});
    check(p, SampledSoftmax{.temperature = 0.5});
    check(p, BprMax{.score_regularisation = 0.5, .elu = 0.5});
    check(p, SquaredLead{});
  };
  for (const auto& [rows, width, shared] : {std::array<index_t, 3>{1, 7, 3}, {0, 5, 2}, {33, 50, 12}, {9, 6, 0}})
    for (const index_t samples : {2, 3})
      for (const Layout layout : {Layout::dense, Layout::strided}) {
        CAPTURE(rows, width, shared, samples, layout == Layout::strided);
        Problem p = sharing(rows, width, samples, shared);
        p.layout = layout;
        check_all(p);
      }
  check(sharing(70, 5, 1, 2000, 300), SampledSoftmax{});  // several blocks of rows
  check(sharing(70, 5, 1, 2000, 300), BinaryCrossEntropy{});

  // a list of their own for the rows of each user: one has no rows, one no items
  Problem users = sharing(20, 6, 2, 11);
  users.row_offsets = {0, 9, 9, 13, 20};
  users.item_offsets = {0, 4, 6, 6, 11};
  check_all(users);
}

TEST_CASE("sampled_loss: a shared item that is the row's target is left out of that row", "[ops]") {
  // two rows, of targets 0 and 1; both items are shared, so that each row has the other's target alone against it
  Problem p = problem(2, 3, 1, 2);
  p.items = {0, 1};
  p.shared = {0, 1, 0};
  Problem others = p;
  others.items = {0, 1, 1, 0};
  others.samples = 2;
  others.shared.clear();
  const Results r = evaluated<CpuDouble>(p), expected = evaluated<CpuDouble>(others);
  CHECK(r.losses(0) == Approx(expected.losses(0)).epsilon(1e-14));
  CHECK(r.coefficients(0) == Approx(expected.coefficients(0)).epsilon(1e-14));
  CHECK(r.losses(1) > expected.losses(1));  // the other target is there twice
  for (index_t d = 0; d < 3; ++d) {
    CHECK(r.dstates(0, d) == Approx(expected.dstates(0, d)).epsilon(1e-13));
    CHECK(r.dshared(1, d) == Approx(expected.coefficients(1) * p.states(0, d)).epsilon(1e-13));  // of row 0 alone
  }
}

TEST_CASE("sampled_loss: shared items are what the same items of every row's own would be", "[ops]") {
  Problem p = sharing(17, 6, 1, 5, 40);
  for (item_t& item : p.items) item += item < 20 ? 20 : 0;  // no target is shared
  for (item_t& item : p.shared) item %= 20;
  Problem own = p;
  own.samples = 6;
  own.items.clear();
  own.shared.clear();
  for (const item_t target : p.items) {
    own.items.push_back(target);
    own.items.insert(own.items.end(), p.shared.begin(), p.shared.end());
  }
  const auto check = [&](const auto& row_loss) {
    const Results r = evaluated<CpuDouble>(p, row_loss), expected = evaluated<CpuDouble>(own, row_loss);
    CHECK(difference(r.losses, expected.losses) <= 1e-13);
    CHECK(difference(r.dstates, expected.dstates) <= 1e-13);
    const HeadGradient found = head_gradient(p, r), wanted = head_gradient(own, expected);
    CHECK(difference(found.table, wanted.table) <= 1e-13);
    CHECK(difference(found.bias, wanted.bias) <= 1e-13);
  };
  check(BinaryCrossEntropy{});
  check(Bpr{});
  check(SampledSoftmax{.temperature = 0.4});
}

TEST_CASE("sampled_loss: gradients of biases and shared items against central differences", "[ops]") {
  const auto check = [](Problem p, auto row_loss) {
    const Results r = evaluated<CpuDouble>(p, row_loss);
    const HeadGradient gradient = head_gradient(p, r);
    const auto loss = [&] {
      double sum = 0;
      for (const double value : evaluated<CpuDouble>(p, row_loss, false).losses.values) sum += value;
      return sum;
    };
    CHECK(difference(r.dstates, central_differences(p.states, loss)) <= central_difference_tolerance);
    CHECK(difference(gradient.table, central_differences(p.table, loss)) <= central_difference_tolerance);
    CHECK(difference(gradient.bias, central_differences(p.bias, loss)) <= central_difference_tolerance);
  };
  const Problem p = sharing(9, 7, 2, 6, 5);
  check(p, BinaryCrossEntropy{});
  check(p, Bpr{});
  check(p, SampledSoftmax{.temperature = 0.4});
  check(p, SquaredLead{});
  Problem users = p;
  users.row_offsets = {0, 5, 9};
  users.item_offsets = {0, 4, 6};
  check(users, SampledSoftmax{});
}

TEST_CASE("sampled_loss: what nobody wants is not computed", "[ops]") {
  const Problem p = sharing(9, 7, 2, 6);
  CpuDouble context;
  PlacedScalars<CpuDouble> states(p.states, p.layout), table(p.table, p.layout), bias(p.bias, p.layout);
  const Results all = evaluated<CpuDouble>(p);
  for (const int wanted : {0, 1, 2, 4, 8, 15}) {
    CAPTURE(wanted);
    Placed<double, HostSpace> losses(unwritten(1, 9), p.layout), coefficients(unwritten(1, 18), p.layout),
        dstates(unwritten(9, 7), p.layout), dtable(unwritten(6, 7), p.layout), dbias(unwritten(1, 6), p.layout);
    SampledLoss<CpuDouble, BinaryCrossEntropy> a{.states = states.matrix(),
                                                 .head = {table.matrix(), bias.vector()},
                                                 .items = {p.items.data(), 9, 2},
                                                 .scale = p.scale,
                                                 .losses = losses.vector(),
                                                 .coefficients = {},
                                                 .dstates = {},
                                                 .row_loss = {}};
    a.shared.items = {p.shared.data(), 6};
    if (wanted & 1) a.coefficients = coefficients.vector();
    if (wanted & 2) a.dstates = dstates.matrix();
    if (wanted & 4) a.shared.dtable = dtable.matrix();
    if (wanted & 8) a.shared.dbias = dbias.vector();
    ops::sampled_loss(context, a);
    CHECK(same_bits(losses.read(), all.losses));
    CHECK(same_bits(coefficients.read(), wanted & 1 ? all.coefficients : unwritten(1, 18)));
    CHECK(same_bits(dstates.read(), wanted & 2 ? all.dstates : unwritten(9, 7)));
    CHECK(same_bits(dtable.read(), wanted & 4 ? all.dshared : unwritten(6, 7)));
    CHECK(same_bits(dbias.read(), wanted & 8 ? all.dshared_bias : unwritten(1, 6)));
  }
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
  check("top1", [](const Golden&, const Problem&) { return Top1{}; });
  check("top1_max", [](const Golden& golden, const Problem&) { return Top1Max{golden.number("elu")}; });
  for (const char* const name : {"bpr_max", "bpr_max_elu"})
    check(name, [](const Golden& golden, const Problem&) {
      return BprMax{golden.number("score_regularisation"), golden.number("elu")};
    });
  check("softmax", [](const Golden& golden, const Problem&) { return SampledSoftmax{golden.number("temperature")}; });
  check("info_nce", [](const Golden& golden, const Problem& p) {
    return InfoNce{golden.number("temperature")}.row_loss(p.table.rows, p.samples - 1);
  });
}

TEMPLATE_TEST_CASE("sampled_loss: scores of ten thousand either way stay finite", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
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
                                                      .head = {context.matrix(6, 5)},
                                                      .items = {items.data(), 4, 3},
                                                      .losses = context.vector<double>(4),
                                                      .coefficients = context.vector(12),
                                                      .dstates = context.matrix(4, 5),
                                                      .row_loss = {}};
    change(a);
    return message_of<ShapeError>([&] { ops::sampled_loss(context, a); });
  };
  const std::string op = "sampled_loss: ";
  CHECK(message([&](auto& a) { a.head.table = context.matrix(6, 4); }) == op + "columns of table is 4, expected 5");
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
  CHECK(message([&](auto& a) { a.head.bias = context.vector(5); }) == op + "size of bias is 5, expected 6");
  const std::vector<offset_t> offsets = {0, 4};
  CHECK(message([&](auto& a) {
          a.shared.item_offsets = {offsets.data(), 2};
        }) == op + "size of shared row_offsets is 0, expected 2");
  CHECK(message([&](auto& a) {
          a.shared.items = {items.data(), 5};
          a.shared.item_offsets = a.shared.row_offsets = {offsets.data(), 2};
        }) == op + "shared item_offsets(1) is 4, expected 5, the number of rows");
  CHECK(message([&](auto& a) {
          a.shared.items = {items.data(), 7};
          a.shared.dtable = context.matrix(6, 5);
        }) == op + "rows of shared dtable is 6, expected 7");
  CHECK(message([&](auto& a) {
          a.shared.items = {items.data(), 7};
          a.shared.dbias = context.vector(6);
        }) == op + "size of shared dbias is 6, expected 7");
}
