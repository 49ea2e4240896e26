// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/moe_ffn.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "seqrec/cpu/moe_ffn.hpp"
#include "seqrec/cpu/moe_route.hpp"
#include "seqrec/cuda/moe_ffn.cuh"
#include "seqrec/cuda/moe_route.cuh"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/finite_differences.hpp"
#include "support/masked_moe.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

template <class Context>
struct Run {
  const MoeProblem& p;
  Context context;
  PlacedRouting<Context> routing;
  PlacedScalars<Context> x, weights, weight1, bias1, weight2, bias2, base, hidden, y;

  explicit Run(const MoeProblem& problem)
      : p(problem),
        routing(p.rows(), p.experts(), p.chosen),
        x(p.x, p.layout),
        weights(unwritten(p.rows(), p.chosen), p.layout),
        weight1(p.weight1, p.layout),
        bias1(p.bias1, p.layout),
        weight2(p.weight2, p.layout),
        bias2(p.bias2, p.layout),
        base(p.base, p.layout),
        hidden(unwritten(p.rows() * p.chosen, p.units()), p.layout),
        y(unwritten(p.rows(), p.width()), p.layout) {
    context.set_products(p.products);
    PlacedScalars<Context> logits(p.logits, p.layout), gates(unwritten(p.rows(), p.experts()), p.layout);
    PlacedScalars<Context> bias(p.selection_bias, Layout::dense);
    MoeRouteForward<Context> route{logits.matrix(), {}, routing.view(), gates.matrix(), weights.matrix()};
    if (p.selection_bias.size() > 0) route.selection_bias = bias.vector();
    ops::moe_route_forward(context, route);
    forward();
  }
  MoeExperts<Context> experts() { return {weight1.matrix(), bias1.matrix(), weight2.matrix(), bias2.matrix()}; }
  void forward() {
    MoeFfnForward<Context> a{x.matrix(), weights.matrix(), routing.view(), experts(),
                             {},         hidden.matrix(),  y.matrix(),     p.dropout};
    if (p.base.size() > 0) a.base = base.matrix();
    ops::moe_ffn_forward(context, a);
  }

  /// dx, dweights (a column for each expert), dweight1, dbias1, dweight2, dbias2, all but the `missing`-th.
  std::vector<Matrix> backward(GradientMode mode, double there, std::size_t missing = 6) {
    PlacedScalars<Context> dy(p.dy, p.layout), dx(Matrix(p.rows(), p.width(), there), p.layout);
    PlacedScalars<Context> dweights(Matrix(p.rows(), p.chosen, there), p.layout);
    const auto like = [&](const Matrix& of) { return Matrix(of.rows, of.columns, there); };
    PlacedMasters<Context> dweight1(like(p.weight1), p.layout), dbias1(like(p.bias1), p.layout),
        dweight2(like(p.weight2), p.layout), dbias2(like(p.bias2), p.layout);
    MoeFfnBackward<Context> a{x.matrix(),        weights.matrix(), routing.view(),      experts(),
                              hidden.matrix(),   dy.matrix(),      {dx.matrix(), mode}, {dweights.matrix(), mode},
                              dweight1.matrix(), dbias1.matrix(),  dweight2.matrix(),   dbias2.matrix(),
                              p.dropout};
    if (missing == 0) a.dx = {};
    if (missing == 1) a.dweights = {};
    if (missing == 2) a.dweight1 = {};
    if (missing == 3) a.dbias1 = {};
    if (missing == 4) a.dweight2 = {};
    if (missing == 5) a.dbias2 = {};
    ops::moe_ffn_backward(context, a);
    Matrix spread(p.rows(), p.experts());
    const Matrix chosen = routing.experts.read(), found = dweights.read();
    for (index_t n = 0; n < p.rows(); ++n)
      for (index_t k = 0; k < p.chosen; ++k) spread(n, static_cast<index_t>(chosen(n, k))) = found(n, k);
    return {dx.read(), spread, dweight1.read(), dbias1.read(), dweight2.read(), dbias2.read()};
  }
};

/// No rows, one, all experts, widths beside a vector's, experts without rows, dropout, something to add to.
template <class Check>
void for_each_problem(Check check) {
  for (const auto& [rows, experts, chosen, width, units] : std::vector<std::array<index_t, 5>>{
           {0, 4, 2, 5, 3}, {1, 4, 2, 5, 3}, {13, 4, 2, 5, 3}, {9, 3, 3, 1, 1}, {30, 8, 2, 16, 8}, {7, 16, 1, 6, 9}})
    for (const double dropout : {0.0, 0.4}) {
      MoeProblem p = moe_problem(rows, experts, chosen, width, units);
      if (experts > chosen) {
        p.selection_bias = Matrix(1, experts);
        p.selection_bias(1) = -10;  // an expert to whom nobody goes
      }
      p.dropout = mask_of(dropout, 70);
      p.layout = dropout > 0 ? Layout::strided : Layout::dense;
      if (dropout > 0) p.base = random_matrix(rows, width, 8);
      CAPTURE(rows, experts, chosen, width, units, dropout);
      check(p);
    }
}

}  // namespace

TEMPLATE_TEST_CASE("moe_ffn: what every expert makes of every row, masked", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const MoeProblem& p) {
    const Matrix expected = masked_mixture(p, masked_weights(p, moe_mask(p)));
    const Matrix y = repeatable<TestType>([&] { return Run<TestType>(p).y.read(); });
    CHECK(difference(y, expected) <= tolerance<TestType>::value);
  });
}

TEST_CASE("moe_ffn: gradients are those of the masked mixture", "[ops][gradient]") {
  for_each_problem([](MoeProblem p) {
    Matrix weights = masked_weights(p, moe_mask(p));
    const MoeProblem fixed = p;
    const auto found = Run<CpuDouble>(fixed).backward(GradientMode::write, 0);
    const auto loss = [&] { return dot(masked_mixture(p, weights), p.dy); };
    const auto agrees = [&](std::size_t which, Matrix& values) {
      CAPTURE(which);
      CHECK(difference(found[which], central_differences(values, loss)) <= central_difference_tolerance);
    };
    agrees(0, p.x);
    agrees(2, p.weight1);
    agrees(3, p.bias1);
    agrees(4, p.weight2);
    agrees(5, p.bias2);
    // A weight that is zero because its expert was not chosen has no gradient.
    Matrix dweights = central_differences(weights, loss);
    const Matrix mask = moe_mask(p);
    for (index_t i = 0; i < dweights.size(); ++i) dweights(i) *= mask(i);
    CHECK(difference(found[1], dweights) <= central_difference_tolerance);
  });
}

TEMPLATE_TEST_CASE("moe_ffn: gradients in every precision, written and added", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const MoeProblem& p) {
    const auto expected = Run<CpuDouble>(p).backward(GradientMode::write, 0);
    const auto written = repeatable<TestType>([&] { return Run<TestType>(p).backward(GradientMode::write, 0); });
    const auto added = Run<TestType>(p).backward(GradientMode::add, 2);
    const Matrix mask = moe_mask(p);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      CHECK(difference(written[i], expected[i]) <= tolerance<TestType>::gradient);
      Matrix both(expected[i].rows, expected[i].columns, 2);
      for (index_t j = 0; i == 1 && j < both.size(); ++j) both(j) *= mask(j);
      CHECK(difference(added[i], sum(both, expected[i])) <= tolerance<TestType>::gradient);
    }
  });
}

TEST_CASE("moe_ffn: rounded products are as far from full ones as they are said to be", "[ops][cuda]") {
  with_cuda_float([&]<class Context>() {
    for (const auto& [products, far] : {std::pair{ProductPrecision::tf32, 2e-3}, {ProductPrecision::bf16, 2e-2}}) {
      double furthest = 0;
      for_each_problem([&, products = products, far = far](MoeProblem p) {
        if (p.width() == 1) return;  // a gradient is one sum, whose terms may cancel
        // Every unit is surely on or off: one that rounding carries over the rectifier's kink has another gradient.
        for (double& bias : p.bias1.values) bias += std::copysign(8.0, bias);
        const Matrix y = Run<CpuDouble>(p).y.read();
        const auto expected = Run<CpuDouble>(p).backward(GradientMode::write, 0);
        p.products = products;
        const auto found = repeatable<Context>([&] {
          auto all = Run<Context>(p).backward(GradientMode::write, 0);
          all.push_back(Run<Context>(p).y.read());
          return all;
        });
        CHECK(difference(found.back(), y) <= far);
        for (std::size_t i = 0; i < expected.size(); ++i) {
          CAPTURE(i);
          CHECK(difference(found[i], expected[i]) <= far);
          furthest = std::max(furthest, difference(found[i], expected[i]));
        }
      });
      CHECK(furthest > far / 100);  // they were rounded
    }
  });
}

TEMPLATE_TEST_CASE("moe_ffn: more rows, units and columns than a tile, more assignments than a slice",
                   "[ops][gradient]", SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [rows, experts, chosen, width, units] :
       std::vector<std::array<index_t, 5>>{{20, 3, 2, 70, 66}, {1100, 2, 1, 3, 2}, {150, 2, 2, 17, 5}}) {
    CAPTURE(rows, experts, chosen, width, units);
    MoeProblem p = moe_problem(rows, experts, chosen, width, units);
    for (Matrix* const weights : {&p.weight1, &p.weight2})
      for (double& weight : weights->values) weight /= std::sqrt(static_cast<double>(weights->columns));
    p.layout = Layout::strided;
    const Matrix expected_y = masked_mixture(p, masked_weights(p, moe_mask(p)));
    CHECK(difference(Run<TestType>(p).y.read(), expected_y) <= tolerance<TestType>::value);
    const auto found = Run<TestType>(p).backward(GradientMode::add, 2),
               expected = Run<CpuDouble>(p).backward(GradientMode::add, 2);
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(difference(found[i], expected[i]) <= tolerance<TestType>::gradient);
  }
}

TEMPLATE_TEST_CASE("moe_ffn: a gradient that nobody wants is left out, the others are the same", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(9, 4, 2);
  p.dropout = mask_of(0.4, 70);
  const auto all = Run<TestType>(p).backward(GradientMode::write, 1);
  for (std::size_t missing = 0; missing < 6; ++missing) {
    CAPTURE(missing);
    const auto some = Run<TestType>(p).backward(GradientMode::write, 1, missing);
    const Matrix mask = moe_mask(p);
    for (std::size_t i = 0; i < 6; ++i)
      CHECK(same_bits(some[i], i != missing ? all[i] : i == 1 ? mask : Matrix(all[i].rows, all[i].columns, 1)));
  }
}

TEMPLATE_TEST_CASE("moe_ffn: an expert without rows has gradient 0", "[ops][gradient]", SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(12, 4, 2);
  p.selection_bias = Matrix(1, 4);
  p.selection_bias(2) = -10;
  const auto found = Run<TestType>(p).backward(GradientMode::write, 0);
  for (const auto& [which, rows] : std::vector<std::pair<std::size_t, index_t>>{{2, 3}, {3, 1}, {4, 5}, {5, 1}})
    for (const double gradient : found[which].row_range(2 * rows, rows).values) CHECK(gradient == 0);
}

TEMPLATE_TEST_CASE("moe_ffn: a row has the same bits wherever it stands, and whoever is beside it", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const auto& [width, units] : std::vector<std::array<index_t, 2>>{{5, 3}, {16, 8}, {50, 25}, {64, 32}}) {
    MoeProblem all = moe_problem(37, 8, 2, width, units);
    const Matrix together = Run<TestType>(all).y.read();
    for (index_t first = 0; first < all.rows(); first += 3)
      for (const index_t count : {1, 4, 9}) {
        if (first + count > all.rows()) continue;
        MoeProblem some = all;
        some.logits = all.logits.row_range(first, count);
        some.x = all.x.row_range(first, count);
        CAPTURE(width, units, first, count);
        REQUIRE(same_bits(Run<TestType>(some).y.read(), together.row_range(first, count)));
      }
  }
}

TEMPLATE_TEST_CASE("moe_ffn: the sum may be taken in place", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(6, 4, 2);
  p.base = random_matrix(6, 5, 8);
  Run<TestType> run(p);
  PlacedScalars<TestType> in_place(p.base, Layout::strided);
  ops::moe_ffn_forward(run.context,
                       MoeFfnForward<TestType>{run.x.matrix(), run.weights.matrix(), run.routing.view(), run.experts(),
                                               in_place.matrix(), run.hidden.matrix(), in_place.matrix()});
  CHECK(same_bits(in_place.read(), run.y.read()));
}

TEST_CASE("moe_ffn: bad arguments are refused by name", "[ops][errors]") {
  const MoeProblem p = moe_problem(3, 4, 2);
  Run<CpuDouble> run(p);
  const auto complaint = [&](auto change) {
    MoeFfnForward<CpuDouble> a{run.x.matrix(),      run.weights.matrix(), run.routing.view(), run.experts(), {},
                               run.hidden.matrix(), run.y.matrix()};
    change(a);
    return message_of<ShapeError>([&] { ops::moe_ffn_forward(run.context, a); });
  };
  CHECK_THAT(complaint([](auto& a) { a.experts.weight1 = a.experts.weight1.row_range(0, 11); }),
             ContainsSubstring("moe_ffn: rows of weight1 is 11, expected 12"));
  CHECK_THAT(complaint([](auto& a) { a.experts.bias2 = a.experts.bias2.row_range(0, 3); }),
             ContainsSubstring("moe_ffn: rows of bias2 is 3"));
  CHECK_THAT(complaint([](auto& a) { a.hidden = a.hidden.row_range(0, 5); }),
             ContainsSubstring("moe_ffn: rows of hidden is 5"));
  CHECK_THAT(complaint([](auto& a) { a.weights = a.weights.column_range(0, 1); }),
             ContainsSubstring("moe_ffn: columns of weights is 1"));
  CHECK_THAT(complaint([](auto& a) { a.y = a.y.row_range(0, 2); }), ContainsSubstring("moe_ffn: rows of y is 2"));
}
