// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/functions.hpp"

#include <cmath>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::leaf, seqrec_test::ToyBatch;
using T = Tape<DoubleContext>;
using Value = Variable<DoubleContext>;

namespace {

constexpr int items = 7, negatives = 1;

/// Parameters to try a layer on: a table, rows of histories, and matrices with a row for each candidate.
struct Inputs : seqrec_test::LayerProbe<DoubleContext> {
  ToyBatch batch{seqrec_test::toy_users({4, 0, 1, 3}, items, negatives, 4), items, negatives};
  Candidates<HostSpace> candidates = batch.shard(0).clicks.candidates;
  Embedding<DoubleContext> table{store.scope("table"), items, 3, Initialiser::normal(1)};
  MatrixParameter<DoubleContext> rows{store.scope().matrix("rows", batch.rows(), 3, Initialiser::normal(1))};
  MatrixParameter<DoubleContext> a{store.scope().matrix("a", candidates.size(), 3, Initialiser::normal(1))};
  MatrixParameter<DoubleContext> b{store.scope().matrix("b", candidates.size(), 3, Initialiser::normal(1))};
  MatrixParameter<DoubleContext> c{store.scope().matrix("c", candidates.size(), 2, Initialiser::normal(1))};

  Inputs() { finish(); }
};

/// Inputs with what a test makes of them.
template <class Layer>
struct Probe : Inputs {
  Layer layer;

  explicit Probe(Layer of) : layer(of) {}
  void operator()(T& tape) const { layer(tape, static_cast<const Inputs&>(*this)); }
};

template <class Layer>
void check_gradients_of(Layer layer) {
  Probe<Layer> probe(layer);
  seqrec_test::randomise(probe, 6, 1.0);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-7);
}

/// Runs a layer on random inputs and hands its value to `check`.
template <class Layer, class Check>
void look_at(Layer layer, Check check) {
  Inputs inputs;
  seqrec_test::randomise(inputs, 6, 1.0);
  DoubleContext context;
  T tape(context, Mode::inference);
  const Value y = layer(tape, inputs);
  check(y.value(), inputs);
}

}  // namespace

TEST_CASE("candidates are embedded one by one", "[layers]") {
  const auto layer = [](T& tape, const Inputs& of) { return embed_candidates(tape, of.candidates, of.table.weight); };
  look_at(layer, [](const auto& y, const Inputs& of) {
    REQUIRE(y.rows() == of.candidates.size());
    for (index_t c = 0; c < y.rows(); ++c)
      for (index_t d = 0; d < 3; ++d) CHECK(y(c, d) == of.table.weight.view()(of.candidates.items.values(c), d));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, layer(tape, of)); });
}

TEST_CASE("a candidate's state is the last row that it sees", "[layers]") {
  const auto layer = [](T& tape, const Inputs& of) {
    return visible_rows(tape, of.batch.histories(), of.candidates, leaf(tape, of.rows));
  };
  look_at(layer, [](const auto& y, const Inputs& of) {
    for (index_t c = 0; c < y.rows(); ++c)  // target and negative of each row
      for (index_t d = 0; d < 3; ++d) CHECK(y(c, d) == of.rows.view()(c / 2, d));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, layer(tape, of)); });
  check_gradients_of([](T& tape, const Inputs& of) {  // the gradient is added to another's
    const auto rows = leaf(tape, of.rows);
    seqrec_test::weigh(tape, visible_rows(tape, of.batch.histories(), of.candidates, rows));
    seqrec_test::weigh(tape, rows);
  });
}

TEST_CASE("pairs of rows are multiplied", "[layers]") {
  const auto layer = [](T& tape, const Inputs& of) { return row_dot(tape, leaf(tape, of.a), leaf(tape, of.b)); };
  look_at(layer, [](const auto& y, const Inputs& of) {
    const auto a = of.a.view(), b = of.b.view();
    for (index_t c = 0; c < y.rows(); ++c)
      CHECK(y(c, 0) == Approx(a(c, 0) * b(c, 0) + a(c, 1) * b(c, 1) + a(c, 2) * b(c, 2)));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, layer(tape, of)); });
}

TEST_CASE("a network reads both sides, their product and features", "[layers]") {
  const auto layer = [](T& tape, const Inputs& of) {
    return interact(tape, leaf(tape, of.a), leaf(tape, of.b), leaf(tape, of.c));
  };
  look_at(layer, [](const auto& y, const Inputs& of) {
    REQUIRE(y.columns() == 11);
    const auto a = of.a.view(), b = of.b.view(), c = of.c.view();
    CHECK(y(3, 1) == a(3, 1));
    CHECK(y(3, 4) == b(3, 1));
    CHECK(y(3, 7) == a(3, 1) * b(3, 1));
    CHECK(y(3, 10) == c(3, 1));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, layer(tape, of)); });
  check_gradients_of([](T& tape, const Inputs& of) {
    const auto y = interact(tape, leaf(tape, of.a), leaf(tape, of.b), Value{});
    CHECK(y.columns() == 9);
    seqrec_test::weigh(tape, y);
  });
}

TEST_CASE("rows are gated by silu, and it stands alone", "[layers]") {
  const auto gated = [](T& tape, const Inputs& of) { return gated_silu(tape, leaf(tape, of.a), leaf(tape, of.b)); };
  const auto alone = [](T& tape, const Inputs& of) { return silu(tape, leaf(tape, of.a)); };
  look_at(gated, [](const auto& y, const Inputs& of) {
    const double a = of.a.view()(3, 1);
    CHECK(y(3, 1) == Approx(a / (1 + std::exp(-a)) * of.b.view()(3, 1)));
  });
  look_at(alone, [](const auto& y, const Inputs& of) {
    const double a = of.a.view()(3, 1);
    CHECK(y(3, 1) == Approx(a / (1 + std::exp(-a))));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, gated(tape, of)); });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, alone(tape, of)); });
}

TEST_CASE("variables are added, and stand side by side", "[layers]") {
  const auto added = [](T& tape, const Inputs& of) { return sum(tape, leaf(tape, of.a), leaf(tape, of.b)); };
  const auto beside = [](T& tape, const Inputs& of) {
    return concatenate_columns(tape, leaf(tape, of.a), leaf(tape, of.c));
  };
  look_at(added, [](const auto& y, const Inputs& of) { CHECK(y(3, 1) == of.a.view()(3, 1) + of.b.view()(3, 1)); });
  look_at(beside, [](const auto& y, const Inputs& of) {
    REQUIRE(y.columns() == 5);
    CHECK(y(3, 2) == of.a.view()(3, 2));
    CHECK(y(3, 4) == of.c.view()(3, 1));
  });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, added(tape, of)); });
  check_gradients_of([=](T& tape, const Inputs& of) { seqrec_test::weigh(tape, beside(tape, of)); });
}

TEST_CASE("a sum's terms may work in place on their gradients", "[layers]") {
  // Each term is read by a product that scales its gradient, and by another node: nobody may see another's changes.
  check_gradients_of([](T& tape, const Inputs& of) {
    const auto a = leaf(tape, of.a), b = leaf(tape, of.b);
    const auto first = sum(tape, a, b), second = sum(tape, first, a);
    seqrec_test::weigh(tape, interact(tape, second, b, Value{}));
    seqrec_test::weigh(tape, concatenate_columns(tape, first, second));
  });
}
