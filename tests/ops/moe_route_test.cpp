// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/moe_route.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu/moe_route.hpp"
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
  using Space = typename Context::Space;
  const MoeProblem& p;
  Context context;
  PlacedRouting<Context> routing;
  PlacedScalars<Context> logits, bias, gates, weights;
  Placed<double, Space> losses;

  explicit Run(const MoeProblem& problem)
      : p(problem),
        routing(p.rows(), p.experts(), p.chosen),
        logits(p.logits, p.layout),
        bias(p.selection_bias, Layout::dense),
        gates(unwritten(p.rows(), p.experts()), p.layout),
        weights(unwritten(p.rows(), p.chosen), p.layout),
        losses(unwritten(1, p.rows()), Layout::dense) {
    MoeRouteForward<Context> a{logits.matrix(), {},     routing.view(), gates.matrix(), weights.matrix(),
                               losses.vector(), p.gate, p.normalise,    p.balance};
    if (p.selection_bias.size() > 0) a.selection_bias = bias.vector();
    ops::moe_route_forward(context, a);
  }

  /// Weights and mask as the oracle has them, a column for each expert.
  Matrix spread(const Matrix& of) {
    Matrix all(p.rows(), p.experts());
    const Matrix experts = routing.experts.read();
    for (index_t n = 0; n < p.rows(); ++n)
      for (index_t k = 0; k < p.chosen; ++k) all(n, static_cast<index_t>(experts(n, k))) = of(n, k);
    return all;
  }
  Matrix mask() { return spread(Matrix(p.rows(), p.chosen, 1)); }
  double loss() const {
    double sum = 0;
    for (const double part : losses.read().values) sum += part;
    return sum;
  }

  /// Of the weights, arriving as what belongs to each expert.
  Matrix backward(const Matrix& dmasked, GradientMode mode, double there, Matrix* loads = nullptr) {
    Matrix dweights(p.rows(), p.chosen);
    const Matrix experts = routing.experts.read();
    for (index_t n = 0; n < p.rows(); ++n)
      for (index_t k = 0; k < p.chosen; ++k) dweights(n, k) = dmasked(n, static_cast<index_t>(experts(n, k)));
    PlacedScalars<Context> d(dweights, p.layout), dlogits(Matrix(p.rows(), p.experts(), there), p.layout);
    PlacedMasters<Context> counts(Matrix(1, p.experts(), 1), Layout::dense);
    ops::moe_route_backward(context, MoeRouteBackward<Context>{gates.matrix(),
                                                               weights.matrix(),
                                                               routing.view(),
                                                               d.matrix(),
                                                               {dlogits.matrix(), mode},
                                                               counts.vector(),
                                                               p.gate,
                                                               p.normalise,
                                                               p.balance});
    if (loads != nullptr) *loads = counts.read();
    return dlogits.read();
  }
};

/// Both gates, normalised or not, with and without a selection bias and the auxiliary loss; no rows, one, all experts.
template <class Check>
void for_each_problem(Check check) {
  for (const MoeGate gate : {MoeGate::sigmoid, MoeGate::softmax})
    for (const bool normalise : {true, false})
      for (const auto& [rows, experts, chosen] :
           std::vector<std::array<index_t, 3>>{{0, 4, 2}, {1, 1, 1}, {9, 4, 2}, {7, 5, 5}, {33, 17, 1}, {20, 64, 8}}) {
        MoeProblem p = moe_problem(rows, experts, chosen);
        p.gate = gate;
        p.normalise = normalise;
        p.layout = normalise ? Layout::strided : Layout::dense;
        p.balance = rows % 2 == 0 ? 0 : 0.3;
        if (experts > 4) p.selection_bias = random_matrix(1, experts, 9, 0.2);
        CAPTURE(static_cast<int>(gate), normalise, rows, experts, chosen);
        check(p);
      }
}

}  // namespace

TEMPLATE_TEST_CASE("moe_route: the chosen, their weights and the auxiliary loss are those of a mask", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const MoeProblem& p) {
    Run<TestType> run(p);
    const Matrix mask = moe_mask(p);
    CHECK(same_bits(run.mask(), mask));
    CHECK(difference(run.spread(run.weights.read()), masked_weights(p, mask)) <= tolerance<TestType>::value);
    CHECK(run.loss() == Approx(masked_balance_loss(p, mask)).epsilon(1e-5));
    repeatable<TestType>([&] {
      Run<TestType> again(p);
      return std::vector{again.weights.read(), again.routing.places.read(), again.routing.starts.read(),
                         again.losses.read()};
    });
  });
}

TEMPLATE_TEST_CASE("moe_route: assignments are sorted by expert, in row order within", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const auto check = [](const MoeProblem& p) {
    Run<TestType> run(p);
    const Matrix experts = run.routing.experts.read(), places = run.routing.places.read(),
                 rows = run.routing.rows.read(), starts = run.routing.starts.read();
    REQUIRE(starts(0) == 0);
    REQUIRE(starts(p.experts()) == static_cast<double>(p.rows() * p.chosen));
    std::vector<int> seen(static_cast<std::size_t>(rows.size()));
    for (index_t n = 0; n < p.rows(); ++n)
      for (index_t k = 0; k < p.chosen; ++k) {
        const auto place = static_cast<index_t>(places(n, k)), expert = static_cast<index_t>(experts(n, k));
        const auto begin = static_cast<index_t>(starts(expert)), end = static_cast<index_t>(starts(expert + 1));
        REQUIRE(place >= begin);
        REQUIRE(place < end);
        REQUIRE(rows(place) == static_cast<double>(n));
        REQUIRE(++seen[static_cast<std::size_t>(place)] == 1);
        if (k > 0) REQUIRE(experts(n, k) > experts(n, k - 1));
        if (place > begin) REQUIRE(rows(place) > rows(place - 1));
      }
  };
  for_each_problem(check);
  check(moe_problem(2100, 9, 2));  // more rows than a slice, more experts than a block
}

TEMPLATE_TEST_CASE("moe_route: ties go to the lower number, in any precision of the gate", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(3, 6, 2);
  p.gate = GENERATE(MoeGate::sigmoid, MoeGate::softmax);
  const double rows[3][6] = {{0, 0, 0, 0, 0, 0}, {-1, 2, 0, 2, 2, 2}, {1, 0, 0, 0, 0, 0}};
  for (index_t n = 0; n < 3; ++n)
    for (index_t e = 0; e < 6; ++e) p.logits(n, e) = rows[n][e];
  CHECK(Run<TestType>(p).routing.experts.read().values == std::vector<double>{0, 1, 1, 3, 0, 1});
}

TEST_CASE("moe_route: the auxiliary loss in worked numbers", "[ops]") {
  MoeProblem p = moe_problem(3, 4, 2);
  const double rows[3][4] = {{2, 1, 0, -1}, {0, 2, 1, -1}, {2, 0, 1, -1}};
  for (index_t n = 0; n < 3; ++n)
    for (index_t e = 0; e < 4; ++e) p.logits(n, e) = rows[n][e];
  p.gate = MoeGate::softmax;
  p.normalise = GENERATE(true, false);
  p.balance = 1.0 / 3;
  // Shares of the gates of all experts: of the chosen alone it would be 1.174396.
  CHECK(Run<CpuDouble>(p).loss() == Approx(1.290589).margin(1e-6));
  p.logits = Matrix(3, 4, 0.7);
  CHECK(Run<CpuDouble>(p).loss() == Approx(1));
  // Parts of shards add up, each with the rows that it has.
  MoeProblem none = moe_problem(0, 4, 2);
  none.balance = 1;
  CHECK(Run<CpuDouble>(none).loss() == 0);
}

TEMPLATE_TEST_CASE("moe_route: a selection bias chooses, and weighs nothing", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(1, 3, 1);
  p.normalise = false;
  p.logits.values = {1, 0, -1};
  p.selection_bias = Matrix(1, 3);
  p.selection_bias.values = {0, 0, 5};
  Run<TestType> run(p);
  CHECK(run.routing.experts.read()(0) == 2);
  CHECK(run.weights.read()(0) == Approx(1 / (1 + std::exp(1.0))).epsilon(1e-6));
}

TEST_CASE("moe_route: gradients are those of a mask", "[ops][gradient]") {
  for_each_problem([](MoeProblem p) {
    const Matrix mask = moe_mask(p), dmasked = random_matrix(p.rows(), p.experts(), 8);
    const auto loss = [&] { return dot(masked_weights(p, mask), dmasked) + masked_balance_loss(p, mask); };
    const MoeProblem fixed = p;
    const Matrix found = Run<CpuDouble>(fixed).backward(dmasked, GradientMode::write, 0);
    CHECK(difference(found, central_differences(p.logits, loss)) <= central_difference_tolerance);
  });
}

TEMPLATE_TEST_CASE("moe_route: gradients in every precision, written and added, and counts", "[ops][gradient]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const MoeProblem& p) {
    const Matrix mask = moe_mask(p), dmasked = random_matrix(p.rows(), p.experts(), 8);
    const Matrix expected = Run<CpuDouble>(p).backward(dmasked, GradientMode::write, 0);
    Matrix loads;
    const Matrix found =
        repeatable<TestType>([&] { return Run<TestType>(p).backward(dmasked, GradientMode::write, 0); });
    CHECK(difference(found, expected) <= tolerance<TestType>::gradient);
    CHECK(difference(Run<TestType>(p).backward(dmasked, GradientMode::add, 2, &loads),
                     sum(Matrix(p.rows(), p.experts(), 2), expected)) <= tolerance<TestType>::gradient);
    for (index_t e = 0; e < p.experts(); ++e) {
      double count = 1;  // that was there
      for (index_t n = 0; n < p.rows(); ++n) count += mask(n, e);
      CHECK(loads(e) == count);
    }
  });
}

TEMPLATE_TEST_CASE("moe_route: a row's choice and weights have the same bits alone", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for_each_problem([](const MoeProblem& p) {
    Run<TestType> together(p);
    for (index_t n = 0; n < p.rows(); ++n) {
      MoeProblem alone = p;
      alone.logits = p.logits.row_range(n, 1);
      Run<TestType> run(alone);
      REQUIRE(same_bits(run.routing.experts.read(), together.routing.experts.read().row_range(n, 1)));
      REQUIRE(same_bits(run.weights.read(), together.weights.read().row_range(n, 1)));
    }
  });
}

TEMPLATE_TEST_CASE("moe_route: logits so low that all gates underflow have no weight, and no NaN", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(1, 3, 2);
  p.logits.values = {-800, -900, -850};
  p.balance = 1;
  Run<TestType> run(p);
  CHECK(difference(run.weights.read(), Matrix(1, 2)) < 1e-15);
  CHECK(std::abs(run.loss()) < 1e-15);
  CHECK(difference(run.backward(Matrix(1, 3, 1), GradientMode::write, 0), Matrix(1, 3)) < 1e-15);
}

TEMPLATE_TEST_CASE("moe_route: not-a-numbers still choose K experts, and stay visible", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  MoeProblem p = moe_problem(1, 4, 2);
  p.logits.values.assign(4, std::numeric_limits<double>::quiet_NaN());
  Run<TestType> run(p);
  CHECK(run.routing.experts.read().values == std::vector<double>{0, 1});
  CHECK(std::isnan(run.weights.read()(0)));
}

TEST_CASE("moe_route: bad arguments are refused by name", "[ops][errors]") {
  const MoeProblem p = moe_problem(3, 4, 2);
  Run<CpuDouble> run(p);
  const auto given = [&](auto change) {
    MoeRouteForward<CpuDouble> a{run.logits.matrix(), {}, run.routing.view(), run.gates.matrix(), run.weights.matrix()};
    change(a);
    ops::moe_route_forward(run.context, a);
  };
  CHECK_THAT(message_of<ArgumentError>([&] { given([](auto& a) { a.logits = a.logits.column_range(0, 1); }); }),
             ContainsSubstring("moe_route: experts of a row is 2, expected 1 .. 1, the number of experts"));
  CHECK_THAT(message_of<ShapeError>([&] { given([](auto& a) { a.weights = a.weights.column_range(0, 1); }); }),
             ContainsSubstring("moe_route: columns of weights is 1"));
  CHECK_THAT(
      message_of<ShapeError>([&] { given([](auto& a) { a.routing.starts = a.routing.starts.row_range(0, 3); }); }),
      ContainsSubstring("moe_route: size of starts is 3"));
  CHECK_THAT(message_of<ShapeError>([&] { given([](auto& a) { a.gates = a.gates.row_range(0, 2); }); }),
             ContainsSubstring("moe_route: rows of gates is 2"));
}
