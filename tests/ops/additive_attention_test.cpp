// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/additive_attention.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "seqrec/cpu/additive_attention.hpp"
#include "seqrec/cuda/additive_attention.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/histories.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

struct Problem {
  std::vector<index_t> lengths;
  Squash squash = Squash::sigmoid;
  bool softmax = false;
  Matrix queries, keys, weight, x, dy;
  Layout layout = Layout::dense;

  index_t rows() const { return x.rows; }
};

Problem problem(const std::vector<index_t>& lengths, index_t units, index_t width, Squash squash, bool softmax) {
  index_t rows = 0;
  for (const index_t length : lengths) rows += length;
  return {lengths,
          squash,
          softmax,
          random_matrix(rows, units, 1),
          random_matrix(rows, units, 2),
          random_matrix(1, units, 3),
          random_matrix(rows, width, 4),
          random_matrix(rows, width, 5)};
}

double squashed(Squash squash, double x) {
  return squash == Squash::sigmoid ? 1 / (1 + std::exp(-x)) : std::clamp(x / 5 + 0.5, 0.0, 1.0);
}

Matrix by_loops(const Problem& p) {
  Matrix y(p.rows(), p.x.columns);
  index_t first = 0;
  for (const index_t length : p.lengths) {
    for (index_t t = first; t < first + length; ++t) {
      std::vector<double> weights;
      double sum = 0;
      for (index_t j = first; j <= t; ++j) {
        double score = 0;
        for (index_t a = 0; a < p.weight.columns; ++a)
          score += p.weight(a) * squashed(p.squash, p.queries(t, a) + p.keys(j, a));
        weights.push_back(p.softmax ? std::exp(score) : score);
        sum += weights.back();
      }
      for (index_t j = first; j <= t; ++j)
        for (index_t d = 0; d < p.x.columns; ++d)
          y(t, d) += weights[static_cast<std::size_t>(j - first)] / (p.softmax ? sum : 1) * p.x(j, d);
    }
    first += length;
  }
  return y;
}

/// A forward pass, ready for the backward one.
template <class Context>
struct Run {
  using Space = typename Context::Space;
  Context context;
  Tensor<offset_t, 1, Space> offsets;
  PlacedScalars<Context> queries, keys, weight, x, y;
  Tensor<typename Context::Scalar, 1, Space> saved;

  explicit Run(const Problem& p)
      : offsets(placed<Space>(offsets_of(p.lengths))),
        queries(p.queries, p.layout),
        keys(p.keys, p.layout),
        weight(p.weight, Layout::dense),
        x(p.x, p.layout),
        y(unwritten(p.rows(), p.x.columns), p.layout),
        saved(ops::additive_attention_saved_size(context, offsets.view(), p.rows())) {
    ops::additive_attention_forward(context, arguments(p));
  }
  AdditiveAttentionForward<Context> arguments(const Problem& p) {
    return {offsets.view(), queries.matrix(), keys.matrix(), weight.vector(), x.matrix(),
            y.matrix(),     saved.view(),     p.squash,      p.softmax};
  }
};

/// Gradients of dot(y, dy), added to what is there: of queries, keys, weight, x, all but the `missing`-th.
template <class Context>
std::vector<Matrix> backward(const Problem& p, GradientMode mode, double there, std::size_t missing = 4) {
  Run<Context> run(p);
  const auto like = [there](const Matrix& m) { return Matrix(m.rows, m.columns, there); };
  PlacedScalars<Context> dy(p.dy, p.layout), dqueries(like(p.queries), p.layout), dkeys(like(p.keys), p.layout),
      dx(like(p.x), p.layout);
  PlacedMasters<Context> dweight(like(p.weight), Layout::dense);
  AdditiveAttentionBackward<Context> a{run.offsets.view(),
                                       run.queries.matrix(),
                                       run.keys.matrix(),
                                       run.weight.vector(),
                                       run.x.matrix(),
                                       run.saved.view(),
                                       dy.matrix(),
                                       {dqueries.matrix(), mode},
                                       {dkeys.matrix(), mode},
                                       dweight.vector(),
                                       {dx.matrix(), mode},
                                       p.squash,
                                       p.softmax};
  if (missing == 0) a.dqueries = {};
  if (missing == 1) a.dkeys = {};
  if (missing == 2) a.dweight = {};
  if (missing == 3) a.dx = {};
  ops::additive_attention_backward(run.context, a);
  return {dqueries.read(), dkeys.read(), dweight.read(), dx.read()};
}

template <class Check>
void for_each_problem(Check check) {
  for (const Squash squash : {Squash::sigmoid, Squash::hard_sigmoid})
    for (const bool softmax : {false, true})
      for (const auto& lengths : std::vector<std::vector<index_t>>{{1}, {}, {0, 7, 1, 0, 20}, {35}})
        for (const Layout layout : {Layout::dense, Layout::strided}) {
          CAPTURE(static_cast<int>(squash), softmax, lengths.size());
          Problem p =
              problem(lengths, layout == Layout::dense ? 5 : 17, layout == Layout::dense ? 3 : 8, squash, softmax);
          p.layout = layout;
          check(p);
        }
}

}  // namespace

TEMPLATE_TEST_CASE("additive_attention: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const Matrix y = repeatable<TestType>([&] { return Run<TestType>(p).y.read(); });
    CHECK(difference(y, by_loops(p)) <= 4 * tolerance<TestType>::value);
  });
}

TEMPLATE_TEST_CASE("additive_attention: more rows, units and columns than are met or summed at once", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const bool softmax : {false, true})
    for (const auto& [lengths, units, width] : std::vector<std::tuple<std::vector<index_t>, index_t, index_t>>{
             {{5, 0, 67, 2}, 70, 33}, {{4, 5}, 3, 260}, {{3}, 300, 1}}) {
      CAPTURE(softmax, units, width);
      Problem p = problem(lengths, units, width, Squash::sigmoid, softmax);
      for (double& weight : p.weight.values) weight /= std::sqrt(static_cast<double>(units));
      CHECK(difference(Run<TestType>(p).y.read(), by_loops(p)) <= 4 * tolerance<TestType>::value);
      const auto expected = backward<CpuDouble>(p, GradientMode::add, 1);
      const auto found = backward<TestType>(p, GradientMode::add, 1);
      for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(difference(found[i], expected[i]) <= tolerance<TestType>::gradient);
    }
}

TEMPLATE_TEST_CASE("additive_attention: a gradient that nobody wants is left out, the others are the same",
                   "[ops][gradient]", SEQREC_TEST_ALL_BACKENDS) {
  for (const bool softmax : {false, true}) {
    const Problem p = problem({3, 9}, 5, 3, Squash::sigmoid, softmax);
    const auto all = backward<TestType>(p, GradientMode::write, 1);
    for (std::size_t missing = 0; missing < 4; ++missing) {
      CAPTURE(softmax, missing);
      const auto some = backward<TestType>(p, GradientMode::write, 1, missing);
      for (std::size_t i = 0; i < 4; ++i)
        CHECK(same_bits(some[i], i == missing ? Matrix(all[i].rows, all[i].columns, 1) : all[i]));
    }
  }
}

TEST_CASE("additive_attention: one event of NARM, worked by hand", "[ops]") {
  // h = (.5, -.25), A1 = A2 = I, v = (1, 1): alpha = sigmoid(1) + sigmoid(-.5).
  Problem p = problem({1}, 2, 2, Squash::sigmoid, false);
  for (Matrix* const m : {&p.queries, &p.keys, &p.x}) {
    (*m)(0, 0) = .5;
    (*m)(0, 1) = -.25;
  }
  p.weight(0) = p.weight(1) = 1;
  Run<CpuDouble> run(p);
  CHECK(run.saved.to_host()[0] == Approx(1.108599).margin(1e-6));
  CHECK(run.y.read()(0, 0) == Approx(.554300).margin(1e-6));
  CHECK(run.y.read()(0, 1) == Approx(-.277150).margin(1e-6));
}

TEMPLATE_TEST_CASE("additive_attention: a row has the same bits without what comes later, and beside others", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const bool softmax : {false, true}) {
    const Problem all = problem({200, 9}, 12, 7, Squash::sigmoid, softmax);
    const Matrix together = Run<TestType>(all).y.read();
    for (index_t length = 1; length <= 9; ++length) {
      Problem alone = all;
      alone.lengths = {length};
      for (Matrix* const m : {&alone.queries, &alone.keys, &alone.x, &alone.dy}) *m = m->row_range(200, length);
      CHECK(same_bits(Run<TestType>(alone).y.read(), together.row_range(200, length)));
    }
  }
}

TEST_CASE("additive_attention: gradients against central differences", "[ops][gradient]") {
  for_each_problem([](Problem p) {
    const auto gradients = backward<CpuDouble>(p, GradientMode::write, 0);
    const auto loss = [&] { return dot(by_loops(p), p.dy); };
    std::size_t i = 0;
    for (Matrix* const m : {&p.queries, &p.keys, &p.weight, &p.x})
      CHECK(difference(gradients[i++], central_differences(*m, loss)) <= 2 * central_difference_tolerance);
  });
}

TEMPLATE_TEST_CASE("additive_attention: gradients in every precision, written and added", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const Problem& p) {
    const auto expected = backward<CpuDouble>(p, GradientMode::write, 0);
    const auto found = repeatable<TestType>([&] { return backward<TestType>(p, GradientMode::write, 0); });
    const auto added = backward<TestType>(p, GradientMode::add, 2);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK(difference(found[i], expected[i]) <= tolerance<TestType>::gradient);
      CHECK(difference(added[i], sum(Matrix(expected[i].rows, expected[i].columns, 2), expected[i])) <=
            tolerance<TestType>::gradient);
    }
  });
}

TEMPLATE_TEST_CASE("additive_attention: units too large for products of their exponentials", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  // Some rows, so that the four keys of a query are of both kinds; and a query and a key whose sum is moderate again.
  Problem p = problem({11}, 5, 3, Squash::sigmoid, false);
  for (index_t unit = 0; unit < 5; ++unit) {
    p.queries(3, unit) = -200;
    p.queries(9, unit) = 100;
    p.keys(1, unit) = 1000;
    p.keys(3, unit) = 201;
    p.keys(6, unit) = -99.5;
  }
  CHECK(difference(Run<TestType>(p).y.read(), by_loops(p)) <= 20 * tolerance<TestType>::value);
  const auto gradients = backward<TestType>(p, GradientMode::write, 0);
  const auto loss = [&] { return dot(by_loops(p), p.dy); };
  std::size_t i = 0;
  for (Matrix* const m : {&p.queries, &p.keys, &p.weight, &p.x})
    CHECK(difference(gradients[i++], central_differences(*m, loss)) <=
          std::max<double>(2 * central_difference_tolerance, 20 * tolerance<TestType>::gradient));
}

TEMPLATE_TEST_CASE("additive_attention: gradients where only last rows have any", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const bool softmax : {false, true}) {
    Problem p = problem({40, 3, 1}, 20, 6, Squash::sigmoid, softmax);
    for (index_t row = 0; row < p.rows(); ++row)
      for (index_t column = 0; column < p.dy.columns; ++column)
        if (row != 39 && row != 42) p.dy(row, column) = 0;
    const auto gradients = backward<TestType>(p, GradientMode::write, 0);
    const auto loss = [&] { return dot(by_loops(p), p.dy); };
    std::size_t i = 0;
    for (Matrix* const m : {&p.queries, &p.keys, &p.weight, &p.x})
      CHECK(difference(gradients[i++], central_differences(*m, loss)) <=
            std::max<double>(2 * central_difference_tolerance, tolerance<TestType>::gradient));
    for (index_t row = 0; row < p.rows(); ++row)
      if (row != 39 && row != 42)
        for (index_t unit = 0; unit < 20; ++unit) CHECK(gradients[0](row, unit) == 0);
  }
}

TEST_CASE("additive_attention: bad arguments are refused by name", "[ops][errors]") {
  const Problem p = problem({2, 1}, 4, 3, Squash::sigmoid, false);
  Run<CpuDouble> run(p);
  const auto complaint = [&](auto change) {
    AdditiveAttentionForward<CpuDouble> a = run.arguments(p);
    change(a);
    return message_of<ShapeError>([&] { ops::additive_attention_forward(run.context, a); });
  };
  CHECK_THAT(complaint([](auto& a) { a.keys = a.keys.column_range(0, 3); }),
             ContainsSubstring("additive_attention: columns of keys is 3, expected 4"));
  CHECK_THAT(complaint([](auto& a) { a.y = a.y.row_range(0, 2); }), ContainsSubstring("rows of y is 2, expected 3"));
  CHECK_THAT(complaint([](auto& a) {
               a.saved = {a.saved.data, 3};
             }),
             ContainsSubstring("size of saved is 3, expected 4"));
}
