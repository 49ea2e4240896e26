// SPDX-License-Identifier: Apache-2.0
#include "seqrec/layers/gru.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "seqrec/core/option_text.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::Golden, seqrec_test::golden_tolerance, seqrec_test::deviation,
    seqrec_test::leaf, seqrec_test::Matrix, seqrec_test::ToyBatch, seqrec_test::view_of;
using T = Tape<DoubleContext>;

namespace {

struct Probe : seqrec_test::LayerProbe<DoubleContext> {
  const ToyBatch& batch;
  Gru<DoubleContext> gru;
  MatrixParameter<DoubleContext> x;
  RecurrentStates<DoubleContext> states{};

  Probe(const ToyBatch& toy, index_t inputs, index_t width, const GruOptions& options)
      : batch(toy),
        gru(store.scope("gru"), inputs, width, options),
        x(store.scope().matrix("x", toy.rows(), inputs, Initialiser::normal(1))) {
    finish();
  }
  Variable<DoubleContext> forward(T& tape) const { return gru.forward(tape, batch.histories(), leaf(tape, x), states); }
  void operator()(T& tape) const { seqrec_test::weigh(tape, forward(tape)); }
};

ToyBatch batch_of(const std::vector<int>& lengths) { return {seqrec_test::toy_users(lengths, 5, 0, 1), 5, 0}; }

}  // namespace

TEST_CASE("a GRU has PyTorch's names and shapes; the authors' has one bias", "[layers]") {
  const ToyBatch batch = batch_of({2});
  CHECK(seqrec_test::shown_parameters(Probe(batch, 3, 4, {.layers = 2})) ==
        "gru.weight_ih_l0 12 3\ngru.weight_hh_l0 12 4\ngru.bias_ih_l0 12\ngru.bias_hh_l0 12\n"
        "gru.weight_ih_l1 12 4\ngru.weight_hh_l1 12 4\ngru.bias_ih_l1 12\ngru.bias_hh_l1 12\nx 2 3\n");
  CHECK(seqrec_test::shown_parameters(Probe(batch, 3, 4, {.reset = GruReset::before_product})) ==
        "gru.weight_ih_l0 12 3\ngru.weight_hh_l0 12 4\ngru.bias_ih_l0 12\nx 2 3\n");
  CHECK_THROWS_WITH(Probe(batch, 3, 4, {.layers = 0}), ContainsSubstring("Gru layers is 0"));
}

TEST_CASE("a GRU's weights begin as PyTorch's, or as the authors'", "[layers]") {
  const ToyBatch batch = batch_of({2});
  const auto largest = [](const Probe& probe, std::size_t parameter) {
    const auto values = probe.parameters().values(probe.parameters().entries()[parameter]);
    double most = 0;
    for (index_t i = 0; i < values.size(); ++i) most = std::max(most, std::abs(values(i)));
    return most;
  };
  const Probe pytorch(batch, 30, 40, {});
  CHECK(largest(pytorch, 0) <= 1 / std::sqrt(40.0));
  CHECK(largest(pytorch, 0) > 0.99 / std::sqrt(40.0));
  CHECK(largest(pytorch, 3) > 0);
  const Probe authors(batch, 30, 40, {.reset = GruReset::before_product, .xavier = true});
  CHECK(largest(authors, 0) <= std::sqrt(6 / 70.0));
  CHECK(largest(authors, 0) > 0.99 * std::sqrt(6 / 70.0));
  CHECK(largest(authors, 1) > 0.99 * std::sqrt(6 / 80.0));
  CHECK(largest(authors, 2) == 0);
}

TEST_CASE("a GRU agrees with PyTorch", "[layers]") {
  const std::string name = GENERATE(as<std::string>{}, "one_layer", "two_layers", "reset_before");
  CAPTURE(name);
  Golden golden("gru_" + name);
  std::vector<int> lengths;
  for (const index_t length : golden.lengths("offsets")) lengths.push_back(static_cast<int>(length));
  const ToyBatch batch = batch_of(lengths);
  GruOptions options;
  parse_option("layers", golden.text("layers"), options.layers);
  parse_option("reset", golden.text("reset"), options.reset);
  const auto x = golden.matrix("x"), dy = golden.matrix("dy"), initial = golden.matrix("initial");
  Probe probe(batch, x.columns, dy.columns, options);
  auto& parameters = probe.parameters();
  for (const ParameterEntry& entry : parameters.entries()) {
    const Matrix values =
        entry.name == "x" ? x : golden.matrix("parameter." + entry.name.substr(std::string("gru.").size()));
    REQUIRE(values.size() == entry.size());
    std::copy(values.values.begin(), values.values.end(), parameters.values(entry).data);
  }
  Matrix final(initial.rows, initial.columns);
  probe.states.initial = view_of(initial);
  probe.states.final = {final.values.data(), final.rows, final.columns};

  DoubleContext context;
  context.reserve_gradients(parameters.size());
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = probe.forward(tape);
    CHECK(deviation(y.value(), golden.matrix("y")) < golden_tolerance);
    seqrec_test::weigh(tape, y, view_of(dy));
  });
  CHECK(deviation(std::span<const double>(final.values), golden.matrix("final").values) < golden_tolerance);
  const VectorView<double, HostSpace> all = context.gradients();
  for (const ParameterEntry& entry : parameters.entries()) {
    CAPTURE(entry.name);
    const Matrix expected = entry.name == "x"
                                ? golden.matrix("dx")
                                : golden.matrix("gradient." + entry.name.substr(std::string("gru.").size()));
    CHECK(deviation(all.row_range(entry.offset, entry.size()), expected) < golden_tolerance);
  }
}

TEST_CASE("a GRU's gradients are its derivatives, dropout between layers included", "[layers]") {
  const ToyBatch batch = batch_of({3, 0, 1, 6, 0});
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  Probe probe(batch, 5, 4, {.layers = 2, .reset = reset, .dropout = GENERATE(0.0, 0.4)});
  seqrec_test::randomise(probe, 6);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a GRU goes on from states of another batch, layer by layer", "[layers]") {
  const ToyBatch whole = batch_of({7}), first = batch_of({4}), second = batch_of({3});
  const GruOptions options{.layers = 2};
  Probe all(whole, 3, 5, options), begun(first, 3, 5, options), rest(second, 3, 5, options);
  seqrec_test::randomise(all, 8);
  // The same weights, and the rows of x one after the other.
  for (std::size_t i = 0; i < all.parameters().entries().size(); ++i) {
    const auto from = all.parameters().values(all.parameters().entries()[i]);
    const bool is_x = all.parameters().entries()[i].name == "x";
    for (Probe* part : {&begun, &rest}) {
      const auto to = part->parameters().values(part->parameters().entries()[i]);
      std::copy_n(from.data + (is_x && part == &rest ? 4 * 3 : 0), to.size(), to.data);
    }
  }
  Matrix states(1, 10);
  begun.states.final = {states.values.data(), 1, 10};
  rest.states.initial = {states.values.data(), 1, 10};
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  context.begin_shard();
  const auto y = all.forward(tape).value(), y_begun = begun.forward(tape).value(), y_rest = rest.forward(tape).value();
  CHECK(deviation(y_begun, std::span<const double>(y.data, 20)) == 0);
  CHECK(deviation(y_rest, std::span<const double>(y.data + 20, 15)) == 0);
}

namespace {

/// One row of every history, from states.
struct StepProbe : Probe {
  double dropout;

  StepProbe(const ToyBatch& toy, index_t inputs, index_t width, const GruOptions& options, double of_states)
      : Probe(toy, inputs, width, options), dropout(of_states) {}
  Variable<DoubleContext> step(T& tape) const {
    return gru.step(tape, batch.histories(), leaf(tape, x), states, dropout);
  }
  void operator()(T& tape) const { seqrec_test::weigh(tape, step(tape)); }
};

}  // namespace

TEST_CASE("a GRU's gradients of one step, from states, with dropout on each layer's", "[layers]") {
  const ToyBatch batch = batch_of({1, 1, 1});
  const GruReset reset = GENERATE(GruReset::after_product, GruReset::before_product);
  StepProbe probe(batch, 5, 4, {.layers = 2, .reset = reset}, GENERATE(0.0, 0.4));
  seqrec_test::randomise(probe, 6);
  const Matrix initial = seqrec_test::random_matrix(3, 8, 9);
  probe.states.initial = view_of(initial);
  const GradientCheck check = seqrec_test::check_probe(probe);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a GRU's step leaves the states that it returns, what is dropped left out", "[layers]") {
  const ToyBatch batch = batch_of({1, 1, 1, 1});
  StepProbe probe(batch, 3, 5, {.layers = 2}, 0.5);
  seqrec_test::randomise(probe, 6);
  const Matrix initial = seqrec_test::random_matrix(4, 10, 9);
  Matrix final(4, 10);
  probe.states = {view_of(initial), {final.values.data(), 4, 10}};
  DoubleContext context;
  index_t dropped = 0;
  seqrec_test::record_and_run(context, [&](T& tape) {
    const auto y = probe.step(tape).value();
    for (index_t row = 0; row < 4; ++row)
      for (index_t column = 0; column < 5; ++column) {
        CHECK(final(row, 5 + column) == y(row, column));
        dropped += (y(row, column) == 0) + (final(row, column) == 0);
      }
  });
  CHECK(dropped > 5);
  CHECK(dropped < 35);
}

TEST_CASE("a GRU's states of another width or number are refused", "[layers][errors]") {
  const ToyBatch batch = batch_of({1, 1}), longer = batch_of({2, 1});
  const StepProbe probe(batch, 3, 5, {.layers = 2}, 0), long_probe(longer, 3, 5, {.layers = 2}, 0);
  DoubleContext context;
  T tape(context, Mode::inference);
  const auto message = [&](const StepProbe& of, index_t rows, index_t columns, bool is_final) {
    Matrix states(rows, columns);
    RecurrentStates<DoubleContext> given;
    if (is_final)
      given.final = {states.values.data(), rows, columns};
    else
      given.initial = view_of(states);
    return seqrec_test::message_of<ShapeError>(
               [&] { of.gru.forward(tape, of.batch.histories(), leaf(tape, of.x), given); }) +
           seqrec_test::message_of<ShapeError>(
               [&] { of.gru.step(tape, of.batch.histories(), leaf(tape, of.x), given, 0); });
  };
  const std::string initial = "gru: columns of initial states is 5, expected 10";
  CHECK(message(probe, 2, 5, false) == initial + initial);
  const std::string final = "gru: rows of final states is 3, expected 2";
  CHECK(message(probe, 3, 10, true) == final + final);
  CHECK(seqrec_test::message_of<ShapeError>([&] {
          long_probe.gru.step(tape, longer.histories(), leaf(tape, long_probe.x), {}, 0);
        }) == "gru step: longest history is 2, expected 1");
}
