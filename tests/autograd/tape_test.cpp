// SPDX-License-Identifier: Apache-2.0
#include "seqrec/autograd/tape.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;
using T = Tape<DoubleContext>;
using V = Variable<DoubleContext>;

namespace {

/// y = factor x, element by element: the smallest op that follows the gradient rule.
V scale(T& tape, V x, double factor) {
  const V y = tape.variable(x.rows(), x.columns());
  for (index_t i = 0; i < x.value().size(); ++i) y.value().data[i] = factor * x.value().data[i];
  tape.record([x, y, factor](T& t) {
    const auto dy = t.incoming(y);
    if (!dy) return;
    const auto dx = t.gradient(x);
    for (index_t i = 0; i < dy.size(); ++i) dx.view.data[i] = (dx.adds() ? dx.view.data[i] : 0.0) + factor * dy.data[i];
  });
  return y;
}

/// A context whose arena holds garbage, as it does in the second step of a training run.
struct UsedContext : DoubleContext {
  UsedContext() {
    const auto garbage = matrix(100, 100);
    std::fill_n(garbage.data, garbage.size(), 1e300);
    begin_step(1, 1);
    begin_shard();
  }
};

struct BiasAndWeight : seqrec_test::LayerProbe<DoubleContext> {
  VectorParameter<DoubleContext> bias = store.scope().vector("bias", 4, Initialiser::constant(0));
  MatrixParameter<DoubleContext> weight = store.scope().matrix("weight", 2, 3, Initialiser::constant(0));

  BiasAndWeight() { finish(); }
};

V ones(T& tape, index_t rows, index_t columns) {
  const V x = tape.variable(rows, columns);
  std::fill_n(x.value().data, rows * columns, 1.0);
  return x;
}
void seed(T& tape, V y, double value) {
  const auto dy = tape.context().matrix(y.rows(), y.columns());
  std::fill_n(dy.data, dy.size(), value);
  tape.record([y, dy](T& t) { t.contribute(y, dy); });
}

}  // namespace

TEST_CASE("the first node to be reached writes a gradient, later ones add", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V x = ones(tape, 2, 3);
  const V a = scale(tape, x, 2), b = scale(tape, x, 5), c = scale(tape, a, 7);
  seed(tape, b, 1);
  seed(tape, c, 1);
  tape.backward();
  for (index_t i = 0; i < 6; ++i) CHECK(tape.incoming(x).data[i] == 5 + 2 * 7);
}

TEST_CASE("the memory of a gradient serves an earlier variable once its node is done", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V x = ones(tape, 2, 3);
  std::vector<const double*> places;
  std::vector<const double*>* log = &places;
  V y = x;
  for (int i = 0; i < 5; ++i) {
    const V before = y;
    y = scale(tape, before, 2);
    tape.record([before, log](T& t) {  // runs before the node of `y` does
      const auto dx = t.gradient(before);
      std::fill_n(dx.view.data, dx.view.size(), 0.0);
      log->push_back(dx.view.data);
    });
  }
  seed(tape, y, 1);
  tape.backward();
  for (index_t i = 0; i < 6; ++i) CHECK(tape.incoming(x).data[i] == 32);
  REQUIRE(places.size() == 5);
  CHECK(places[0] != places[1]);  // the first is seeded from elsewhere; from then on two take turns
  CHECK(places[2] == places[0]);
  CHECK(places[3] == places[1]);
  CHECK(places[4] == places[2]);
  CHECK_THROWS_AS(tape.incoming(y), ArgumentError);
  CHECK(tape.incoming(x)(0, 0) == 32);  // nobody made it, so it stays
}

TEST_CASE("an incoming gradient that is handed on lives on", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V x = ones(tape, 2, 2), y = tape.variable(2, 2);
  tape.record([x, y](T& t) { t.contribute(x, t.incoming(y)); });  // y = x
  const V other = ones(tape, 2, 2), z = scale(tape, other, 3);
  seed(tape, y, 5);
  seed(tape, z, 1);
  tape.backward();
  CHECK(tape.incoming(x)(1, 1) == 5);
  CHECK(tape.incoming(other)(1, 1) == 3);
  CHECK(tape.incoming(x).data != tape.incoming(other).data);
}

TEST_CASE("a node that nothing reaches leaves no gradient", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V x = ones(tape, 1, 2);
  const V used = scale(tape, x, 3);
  const V unused = scale(tape, x, 4);  // is walked past first: must not have written
  seed(tape, used, 1);
  tape.backward();
  CHECK_FALSE(tape.incoming(unused));
  CHECK(tape.incoming(x)(0, 1) == 3);
}

TEST_CASE("the gradient rule is decided in the order of the backward pass", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V x = ones(tape, 1, 1);
  std::vector<GradientMode> modes;
  std::vector<GradientMode>* log = &modes;
  for (int i = 0; i < 3; ++i)
    tape.record([x, log](T& t) {
      const auto dx = t.gradient(x);
      log->push_back(dx.mode);
      dx.view(0, 0) = (dx.adds() ? dx.view(0, 0) : 0.0) + 1;
    });
  tape.backward();
  CHECK(modes == std::vector<GradientMode>{GradientMode::write, GradientMode::add, GradientMode::add});
  CHECK(tape.incoming(x)(0, 0) == 3);
}

TEST_CASE("a finished matrix becomes the gradient, or is added to it", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  const V y = ones(tape, 2, 2);
  const auto first = context.matrix(2, 2), second = context.matrix(2, 2);
  std::fill_n(first.data, 4, 2.0);
  std::fill_n(second.data, 4, 3.0);
  tape.contribute(y, first);
  CHECK(tape.incoming(y).data == first.data);
  tape.contribute(y, second);
  CHECK(tape.incoming(y)(1, 1) == 5);
}

TEST_CASE("a record runs backwards once", "[autograd]") {
  UsedContext context;
  T tape(context, Mode::training);
  std::vector<int> order;
  std::vector<int>* log = &order;
  for (int i = 0; i < 3; ++i) tape.record([log, i](T&) { log->push_back(i); });
  tape.backward();
  CHECK(order == std::vector<int>{2, 1, 0});
  tape.backward();
  CHECK(order.size() == 3);
}

TEST_CASE("inference records nothing and drops nothing", "[autograd]") {
  DoubleContext context;
  context.begin_step(1, 1);
  T tape(context, Mode::inference);
  CHECK_FALSE(tape.recording());
  const std::size_t before = context.memory_held();
  bool ran = false;
  bool* flag = &ran;
  tape.record([flag](T&) { *flag = true; });
  tape.backward();
  CHECK_FALSE(ran);
  CHECK(context.memory_held() == before);
  CHECK_FALSE(tape.dropout(0.5, 0).active());
}

TEST_CASE("drawing calls are counted alike in training and inference", "[autograd]") {
  DoubleContext context;
  context.begin_step(1, 1);
  T training(context, Mode::training), inference(context, Mode::inference);
  CHECK(training.dropout(0.5, 0).site == 0);
  CHECK(training.dropout(0, 0).site == 1);
  inference.dropout(0.5, 0);
  CHECK(training.dropout(0.5, 70).site == 3);
  CHECK(training.dropout(0.25, 70).threshold == 16384);
  CHECK(training.dropout(0.25, 70).first_row == 70);
  CHECK_THROWS_AS(training.dropout(1.0, 0), ArgumentError);
  CHECK_THROWS_AS(training.dropout(-0.1, 0), ArgumentError);
}

TEST_CASE("a parameter's gradient lies at its offset, where the context sums any", "[autograd]") {
  BiasAndWeight model;
  DoubleContext context;
  T tape(context, Mode::training);
  CHECK_FALSE(tape.gradient(model.weight));  // the context sums no gradients
  context.reserve_gradients(model.parameters().size());
  CHECK(tape.gradient(model.bias).data == context.gradients().data);
  CHECK(tape.gradient(model.bias).size() == 4);
  CHECK(tape.gradient(model.weight).data == context.gradients().data + 8);  // on the next cache line
  CHECK(tape.gradient(model.weight).rows() == 2);
  CHECK(tape.gradient(model.weight).columns() == 3);
  CHECK(tape.value(model.weight).data == model.weight.view().data);
}

TEST_CASE("a layer does without a parameter that is none", "[autograd]") {
  const VectorParameter<DoubleContext> none;
  DoubleContext context;
  context.reserve_gradients(16);
  T tape(context, Mode::training);
  CHECK_FALSE(tape.value(none));
  CHECK_FALSE(tape.gradient(none));
}

TEST_CASE("a context that sums the gradients of a smaller model is refused, by name", "[autograd][errors]") {
  BiasAndWeight model;
  DoubleContext context;
  T tape(context, Mode::training);
  context.reserve_gradients(13);  // weight lies at 8 .. 14
  CHECK(tape.gradient(model.bias).size() == 4);
  CHECK_THAT(seqrec_test::message_of<ShapeError>([&] { tape.gradient(model.weight); }),
             ContainsSubstring("weight: lies at 8 .. 14") && ContainsSubstring("not for 13") &&
                 ContainsSubstring("parameters().size()"));
}

TEST_CASE("recording a step of a size seen before allocates nothing", "[autograd]") {
  DoubleContext context;
  const auto step = [&] {
    context.begin_shard();
    T tape(context, Mode::training);
    V x = ones(tape, 30, 20);
    for (int i = 0; i < 50; ++i) x = scale(tape, x, 1.01);
    seed(tape, x, 1);
    tape.backward();
  };
  step();
  step();
  const std::size_t before = context.memory_held();
  step();
  CHECK(context.memory_held() == before);
}

TEST_CASE("a tape knows the loss scale of its step, and none without one", "[autograd]") {
  UsedContext context;
  CHECK(T(context, Mode::training, 0.25).loss_scale() == 0.25);
  CHECK(T(context, Mode::training).loss_scale() == 0);
}
