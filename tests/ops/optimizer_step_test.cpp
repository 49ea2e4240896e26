// SPDX-License-Identifier: Apache-2.0
#include "seqrec/ops/optimizer_step.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cpu/optimizer_step.hpp"
#include "seqrec/cuda/optimizer_step.cuh"
#include "seqrec/optim/adam.hpp"
#include "support/all_backends.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/tensors.hpp"

using namespace seqrec;
using namespace seqrec_test;

namespace {

/// Another rule, to show that the op does not know which one it runs: gradient descent with momentum.
struct Momentum {
  double decay, learning_rate;

  SEQREC_HOST_TYPES_TOO
  template <class Scalar, class Real>
  SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient, Real& velocity) const {
    velocity = static_cast<Scalar>(decay) * velocity + gradient;
    return value - static_cast<Scalar>(learning_rate) * velocity;
  }
};

/// The plainest rule: it keeps nothing.
struct Descent {
  double learning_rate;

  SEQREC_HOST_TYPES_TOO
  template <class Scalar, class Real>
  SEQREC_HOST_DEVICE Real operator()(const Real& value, const Real& gradient) const {
    return value - static_cast<Scalar>(learning_rate) * gradient;
  }
};

/// An update whose rule is always the same.
template <class Rule, int States>
struct Fixed {
  static constexpr int states = States;
  Rule one;
  SEQREC_HOST_DEVICE Rule rule(double, std::uint64_t) const { return one; }
};
Fixed<Adam::Rule, 2> fixed(const Adam::Rule& rule) { return {rule}; }
Fixed<Momentum, 1> fixed(const Momentum& rule) { return {rule}; }
Fixed<Descent, 0> fixed(const Descent& rule) { return {rule}; }

/// A tensor of parameters with the moments that an optimiser keeps of it; all (1, n).
struct State {
  Matrix values;
  std::vector<Matrix> moments;
};

/// Runs an update on a step that says these things.
template <class Context, class Update>
State updated(const State& before, const Matrix& gradient_values, const Update& update, const StepInputs& inputs,
              const StepOutcome& outcome, Layout layout = Layout::dense, index_t row_width = 0, bool clips = true) {
  using Space = typename Context::Space;
  Context context;
  PlacedMasters<Context> values(before.values, layout), gradients(gradient_values, layout);
  std::vector<PlacedMasters<Context>> moments;
  for (const Matrix& moment : before.moments) moments.emplace_back(moment, layout);
  StepState<Space> state;
  state.begin(inputs);
  Memory<Space>::copy_from_host(state.outcome().data, &outcome, sizeof outcome);
  MovedRun<Context, Update::states> run{.values = values.vector(),
                                        .gradients = gradients.vector(),
                                        .states = {},
                                        .rows = {},
                                        .row_width = row_width,
                                        .moves_all = row_width == 0};
  for (index_t i = 0; i < run.states.size(); ++i) run.states[i] = moments[static_cast<std::size_t>(i)].vector();
  ops::optimizer_step(
      context,
      OptimizerStep<Context, Update>{
          .runs = {run}, .inputs = state.inputs(), .outcome = state.outcome(), .update = update, .clips = clips});
  State after{values.read(), {}};
  for (const auto& moment : moments) after.moments.push_back(moment.read());
  return after;
}

/// The same with one rule.
template <class Context, class Rule>
State stepped(const State& before, const Matrix& gradient, const Rule& rule, double gradient_scale = 1,
              Layout layout = Layout::dense, index_t row_width = 0) {
  return updated<Context>(before, gradient, fixed(rule), {}, {.gradient_scale = gradient_scale}, layout, row_width);
}

State start(index_t size, std::uint64_t seed, std::size_t moments) {
  return {random_matrix(1, size, seed), std::vector<Matrix>(moments, Matrix(1, size))};
}

constexpr double learning_rate = 0.01;

/// Algorithm 1 of Kingma & Ba 2015, with decoupled weight decay.
State adam_by_loops(State s, const Matrix& gradient, const Adam& options, int step, double gradient_scale) {
  for (index_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient_scale * gradient(i);
    double& mean = s.moments[0](i);
    double& square = s.moments[1](i);
    mean = options.beta1 * mean + (1 - options.beta1) * g;
    square = options.beta2 * square + (1 - options.beta2) * g * g;
    s.values(i) -= learning_rate * options.weight_decay * s.values(i);
    s.values(i) -= learning_rate * (mean / (1 - std::pow(options.beta1, step))) /
                   (std::sqrt(square / (1 - std::pow(options.beta2, step))) + options.epsilon);
  }
  return s;
}

/// A number in memory of a context.
template <class Context>
class Number {
 public:
  Number(Context& context, double value) : context_(context), view_(context.template vector<double>(1)) {
    context.copy_from_host(view_.data, &value, 1);
  }
  VectorView<double, typename Context::Space> view() const { return view_; }
  double read() const {
    double value = 0;
    context_.copy_to_host(&value, view_.data, 1);
    return value;
  }

 private:
  Context& context_;
  VectorView<double, typename Context::Space> view_;
};

template <class Context>
double sum_of_squares(const std::vector<typename Context::Master>& values) {
  Context context;
  const auto tensor = placed<typename Context::Space>(values);
  const Number<Context> result(context, 4);
  ops::sum_squares(context, SumSquares<Context>{{tensor.view()}, result.view(), GradientMode::add});
  const double added = result.read();
  ops::sum_squares(context, SumSquares<Context>{{tensor.view()}, result.view()});
  if (std::isfinite(added)) CHECK(added == 4 + result.read());
  return result.read();
}

/// A step of five elements.
OptimizerStep<CpuDouble, Adam> any_step(CpuDouble& context) {
  return {.runs = {{.values = context.vector(5),
                    .gradients = context.vector(5),
                    .states = {context.vector(5), context.vector(5)},
                    .rows = {}}},
          .inputs = context.vector<StepInputs>(1),
          .outcome = context.vector<StepOutcome>(1),
          .update = {}};
}

}  // namespace

TEMPLATE_TEST_CASE("optimizer_step: Adam on two tensors for three steps against loops", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  for (const double weight_decay : {0.0, 0.1})
    for (const double gradient_scale : {1.0, 0.3})
      for (const auto& sizes : {std::array<index_t, 2>{1, 7}, {16, 0}, {17, 100}, {31, 1000}}) {
        CAPTURE(weight_decay, gradient_scale, sizes[0], sizes[1]);
        const Adam options{.beta2 = 0.98, .weight_decay = weight_decay};
        for (const index_t size : sizes) {
          State state = start(size, 1, 2), expected = state;
          for (int step = 1; step <= 3; ++step) {
            Matrix gradient = random_matrix(1, size, static_cast<std::uint64_t>(10 + step));
            if (size > 3) gradient(3) = 0;  // an element that never moves but by weight decay
            state = stepped<TestType>(state, gradient, options.rule(learning_rate, static_cast<std::uint64_t>(step)),
                                      gradient_scale, Layout::strided);
            expected = adam_by_loops(expected, gradient, options, step, gradient_scale);
          }
          CHECK(difference(state.values, expected.values) <= tolerance<TestType>::value);
          for (std::size_t i = 0; i < 2; ++i)
            CHECK(difference(state.moments[i], expected.moments[i]) <= tolerance<TestType>::value);
        }
      }
}

TEMPLATE_TEST_CASE("optimizer_step: any rule, with as many states as it has", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const Momentum rule{0.9, 0.1};
  for (const index_t size : {1, 15, 16, 33}) {
    State state = start(size, 1, 1), expected = state;
    for (int step = 1; step <= 3; ++step) {
      const Matrix gradient = random_matrix(1, size, 20 + static_cast<std::uint64_t>(step));
      state = stepped<TestType>(state, gradient, rule);
      for (index_t i = 0; i < size; ++i) {
        expected.moments[0](i) = 0.9 * expected.moments[0](i) + gradient(i);
        expected.values(i) -= 0.1 * expected.moments[0](i);
      }
    }
    CHECK(difference(state.values, expected.values) <= tolerance<TestType>::value);
    CHECK(difference(state.moments[0], expected.moments[0]) <= tolerance<TestType>::value);
  }
}

TEMPLATE_TEST_CASE("optimizer_step: a rule without states", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  for (const index_t size : {1, 16, 33}) {
    const State before = start(size, 1, 0);
    const Matrix gradient = random_matrix(1, size, 20);
    Matrix expected = before.values;
    for (index_t i = 0; i < size; ++i) expected(i) -= 0.1 * 0.5 * gradient(i);
    CHECK(difference(stepped<TestType>(before, gradient, Descent{0.1}, 0.5).values, expected) <=
          tolerance<TestType>::value);
  }
}

TEMPLATE_TEST_CASE("optimizer_step: rows without gradient stay, others move as if alone", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const auto rule = Adam{.weight_decay = 0.1}.rule(learning_rate, 1);
  for (const index_t width : {1, 5, 16, 21}) {
    CAPTURE(width);
    constexpr index_t rows = 7;
    State before = start(rows * width, 1, 2);
    for (Matrix& moment : before.moments) moment = random_matrix(1, rows * width, 5);
    for (double& square : before.moments[1].values) square *= square;
    Matrix gradient = random_matrix(1, rows * width, 2);
    for (const index_t row : {0, 3, 4})
      for (index_t i = 0; i < width; ++i) gradient(row * width + i) = i % 2 == 0 ? 0.0 : -0.0;
    const State dense = stepped<TestType>(before, gradient, rule);
    const State lazy = stepped<TestType>(before, gradient, rule, 1, Layout::dense, width);
    const State same = stepped<TestType>(before, Matrix(1, rows * width), rule, 1, Layout::dense, width);
    for (index_t i = 0; i < rows * width; ++i) {
      const index_t row = i / width;
      const bool stays = row == 0 || row == 3 || row == 4;
      CHECK(lazy.values(i) == (stays ? same.values(i) : dense.values(i)));
      for (std::size_t m = 0; m < 2; ++m)
        CHECK(lazy.moments[m](i) == (stays ? same.moments[m](i) : dense.moments[m](i)));
    }
    CHECK(difference(same.values, before.values) <= tolerance<TestType>::value);  // to the type's rounding
    CHECK(difference(dense.values, lazy.values) > tolerance<TestType>::value);
  }
}

TEMPLATE_TEST_CASE("optimizer_step: an element's update does not depend on where it lies", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const auto rule = Adam{}.rule(learning_rate, 1);
  const State whole = start(50, 1, 2);
  const Matrix gradient = random_matrix(1, 50, 2);
  const State after = stepped<TestType>(whole, gradient, rule);
  for (const index_t i : {0, 15, 16, 47, 48, 49}) {
    State one = start(1, 1, 2);
    one.values(0) = whole.values(i);
    CHECK(stepped<TestType>(one, Matrix(1, 1, gradient(i)), rule).values(0) == after.values(i));
  }
}

TEMPLATE_TEST_CASE("optimizer_step: a gradient that is not a number reaches its own parameter only", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  Matrix gradient = random_matrix(1, 20, 2);
  gradient(17) = std::numeric_limits<double>::quiet_NaN();
  const State after = stepped<TestType>(start(20, 1, 2), gradient, Adam{}.rule(learning_rate, 1));
  for (index_t i = 0; i < 20; ++i) CHECK(std::isnan(after.values(i)) == (i == 17));
}

TEST_CASE("optimizer_step: PyTorch's Adam, AdamW and clipped Adam", "[ops][golden]") {
  for (const char* name : {"optimizer_adam", "optimizer_adamw", "optimizer_adam_clipped"})
    for (const std::string tensor : {"first", "second"}) {
      CAPTURE(name, tensor);
      Golden golden(name);
      const auto row = [&](const std::string& of) {
        const Matrix matrix = golden.matrix(tensor + "." + of);
        Matrix flat(1, matrix.size());
        flat.values = matrix.values;
        return flat;
      };
      const Adam options{golden.number("beta1"), golden.number("beta2"), golden.number("epsilon"),
                         golden.number("weight_decay")};
      const double max_norm = golden.number("max_norm");
      const Matrix norms = golden.matrix("gradient_norm");
      State state{row("0"), {}};
      state.moments.assign(2, Matrix(1, state.values.size()));
      for (int step = 1; step <= 3; ++step) {
        const double clip = max_norm > 0 ? std::min(1.0, max_norm / (norms(step - 1) + 1e-6)) : 1.0;
        state =
            stepped<CpuDouble>(state, row("gradient." + std::to_string(step)),
                               options.rule(golden.number("learning_rate"), static_cast<std::uint64_t>(step)), clip);
        CHECK(difference(state.values, row(std::to_string(step))) <= golden_tolerance);
      }
      CHECK(difference(state.moments[0], row("first_moment")) <= golden_tolerance);
      CHECK(difference(state.moments[1], row("second_moment")) <= golden_tolerance);
    }
}

TEMPLATE_TEST_CASE("sum_squares: against loops", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  for (const index_t size : {0, 1, 7, 255, 256, 257, 5000}) {
    const Matrix values = random_matrix(1, size, 1);
    CHECK(sum_of_squares<TestType>(std::vector<Master>(values.values.begin(), values.values.end())) ==
          Approx(dot(values, values)).epsilon(tolerance<TestType>::value));
  }
}

TEMPLATE_TEST_CASE("sum_squares: large values do not overflow, only what is not finite counts as such", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  using Limits = std::numeric_limits<Master>;
  CHECK(sum_of_squares<TestType>({Master(1e25), Master(2e25)}) == Approx(5e50));
  std::vector<Master> values(300, Master(1));
  for (const std::size_t where : {0u, 256u, 299u}) {
    std::vector<Master> with = values;
    with[where] = Limits::quiet_NaN();
    CHECK(std::isnan(sum_of_squares<TestType>(with)));
    with[where] = -Limits::infinity();
    CHECK(sum_of_squares<TestType>(with) == std::numeric_limits<double>::infinity());
  }
}

TEST_CASE("optimizer_step: what does not fit is named", "[ops][errors]") {
  using Context = CpuDouble;
  Context context;
  const auto message = [&](auto change) {
    OptimizerStep<Context, Adam> a = any_step(context);
    change(a);
    return message_of<ShapeError>([&] { ops::optimizer_step(context, a); });
  };
  const std::vector<item_t> rows = {0, 3};
  CHECK(message([&](auto& a) { a.runs[0].gradients = context.vector(4); }) ==
        "optimizer_step: size of gradients is 4, expected 5");
  CHECK(message([&](auto& a) { a.runs[0].states[0] = context.vector(6); }) ==
        "optimizer_step: size of a state is 6, expected 5");
  CHECK(message([&](auto& a) { a.runs[0].states[1] = context.vector(4); }) ==
        "optimizer_step: size of a state is 4, expected 5");
  CHECK(message([&](auto& a) {
          a.runs[0].row_width = 2;
          a.runs[0].moves_all = false;
        }) == "optimizer_step: elements beyond whole rows is 1, expected 0");
  CHECK(message([&](auto& a) {
          a.runs[0].row_width = 1;
          a.runs[0].rows = {rows.data(), 2};
        }) == "optimizer_step: size of gradients is 5, expected 2");
  CHECK(message([&](auto& a) { a.outcome = {}; }) == "optimizer_step: size of outcome is 0, expected 1");
  OptimizerStep<Context, Adam> without_width = any_step(context);
  without_width.runs[0].moves_all = false;
  CHECK(message_of<ArgumentError>([&] { ops::optimizer_step(context, without_width); }) ==
        "optimizer_step row_width is 0, expected at least 1 where rows are named or stay");
}

TEMPLATE_TEST_CASE("optimizer_step: many runs in one call move as one by one", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  using Space = typename TestType::Space;
  constexpr index_t width = 5;
  // Elements: none, few, more than a piece of them; tables whose rows all move, or not, with gradients of all rows, of
  // some or of none; more pieces than blocks.
  struct Kind {
    index_t size;
    bool moves_all, by_rows, with_gradient;
  };
  const std::vector<Kind> kinds = {{0, true, false, true},    {3, true, false, true},   {2051, true, false, true},
                                   {40, true, false, false},  {60, false, false, true}, {60, false, false, false},
                                   {60, true, true, true},    {95, false, true, true},  {1, true, false, true},
                                   {1024, true, false, true}, {345, true, true, true},  {42500, false, false, true}};
  const std::vector<item_t> named = {1, 4, 11};
  const auto named_view = placed<Space>(named);
  const auto moved = [&](bool together) {
    TestType context;
    StepState<Space> state;
    state.begin({.update = 2, .learning_rate = 0.1});
    OptimizerStep<TestType, Adam> step{
        .runs = {}, .inputs = state.inputs(), .outcome = state.outcome(), .update = {.weight_decay = 0.1}};
    std::vector<PlacedMasters<TestType>> placed_values;
    placed_values.reserve(4 * kinds.size());
    const auto vector = [&](index_t size, std::uint64_t seed, bool squared = false) {
      Matrix values = random_matrix(1, size, seed);
      for (double& value : values.values) value = squared ? value * value : value;
      return placed_values.emplace_back(values, Layout::dense).vector();
    };
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      const auto [size, moves_all, by_rows, with_gradient] = kinds[i];
      const std::uint64_t seed = 10 * i;
      MovedRun<TestType, 2> run{.values = vector(size, seed),
                                .gradients = {},
                                .states = {vector(size, seed + 1), vector(size, seed + 2, true)},
                                .rows = {},
                                .row_width = width,
                                .moves_all = moves_all};
      if (with_gradient) run.gradients = vector(by_rows ? std::ssize(named) * width : size, seed + 3);
      if (by_rows) run.rows = named_view.view();
      if (!together) step.runs.clear();
      step.runs.push_back(run);
      if (!together) ops::optimizer_step(context, step);
    }
    if (together) ops::optimizer_step(context, step);
    std::vector<Master> all;
    for (const auto& values : placed_values)
      for (const double value : values.read().values) all.push_back(static_cast<Master>(value));
    return all;
  };
  const auto together = repeatable<TestType>([&] { return moved(true); });
  CHECK(same_bits(together, moved(false)));
}

TEMPLATE_TEST_CASE("sum_squares: of several runs together, and of none", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  TestType context;
  const Number<TestType> result(context, 9);
  ops::sum_squares(context, SumSquares<TestType>{{}, result.view()});
  CHECK(result.read() == 0);
  const Matrix one = random_matrix(1, 700, 1), other = random_matrix(1, 33, 2);
  const auto placed_one = placed<typename TestType::Space>(std::vector<Master>(one.values.begin(), one.values.end()));
  const auto placed_other =
      placed<typename TestType::Space>(std::vector<Master>(other.values.begin(), other.values.end()));
  ops::sum_squares(context, SumSquares<TestType>{{placed_one.view(), {}, placed_other.view()}, result.view()});
  CHECK(result.read() == Approx(dot(one, one) + dot(other, other)).epsilon(tolerance<TestType>::value));
}

TEMPLATE_TEST_CASE("optimizer_step: learning rate, number of the update and clipping come from the step", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  const State before = start(37, 1, 2);
  const Matrix gradient = random_matrix(1, 37, 2);
  const State expected = stepped<TestType>(before, gradient, Adam{}.rule(0.02, 5), 0.5);
  const StepInputs inputs{.step = 80, .update = 5, .learning_rate = 0.02};
  CHECK(updated<TestType>(before, gradient, Adam{}, inputs, {.gradient_scale = 0.5}).values.values ==
        expected.values.values);
  CHECK(updated<TestType>(before, gradient, Adam{}, inputs, {.gradient_scale = 0.5}, Layout::dense, 0, false)
            .values.values == stepped<TestType>(before, gradient, Adam{}.rule(0.02, 5)).values.values);
}

TEMPLATE_TEST_CASE("optimizer_step: nothing moves after a bad step", "[ops]", SEQREC_TEST_ALL_BACKENDS) {
  const State before = start(37, 1, 2);
  const State after = updated<TestType>(before, random_matrix(1, 37, 2), Adam{}, {.update = 1, .learning_rate = 1},
                                        {.first_bad_step = 3});
  CHECK(difference(after.values, before.values) <= tolerance<TestType>::value);
  CHECK(after.moments[0].values == before.moments[0].values);
}

TEMPLATE_TEST_CASE("check_finite: spoils a sum for values that are not finite, and no other", "[ops]",
                   SEQREC_TEST_ALL_BACKENDS) {
  using Master = typename TestType::Master;
  TestType context;
  const auto sum_after = [&](Master value) {
    std::vector<Master> values(70, Master(2));
    values[66] = value;
    const auto tensor = placed<typename TestType::Space>(values);
    const Number<TestType> sum(context, 1.5);
    ops::check_finite(context, CheckFinite<TestType>{tensor.view(), sum.view()});
    return sum.read();
  };
  CHECK(sum_after(Master(7)) == 1.5);
  CHECK(std::isnan(sum_after(std::numeric_limits<Master>::infinity())));
  CHECK(std::isnan(sum_after(std::numeric_limits<Master>::quiet_NaN())));
}

TEST_CASE("conclude_step: the outcome of a step, and what was bad stays bad", "[ops]") {
  CpuFloat context;
  StepState<HostSpace> state;
  const auto conclude = [&](std::uint64_t step, double loss, double squares, double clip_norm = 0) {
    state.begin({.step = step, .clip_norm = clip_norm});
    const auto numbers = context.vector<double>(2);
    numbers(0) = loss;
    numbers(1) = squares;
    ops::conclude_step(context, ConcludeStep<CpuFloat>{state.inputs(), numbers.row_range(0, 1), numbers.row_range(1, 1),
                                                       state.outcome()});
    return state.read();
  };
  CHECK(conclude(1, 0.5, 16).gradient_norm == 4);
  CHECK(conclude(1, 0.5, 16).gradient_scale == 1);
  CHECK(conclude(1, 0.5, 16, 8).gradient_scale == 1);
  CHECK(conclude(1, 0.5, 16, 1).gradient_scale == Approx(0.25));
  CHECK(conclude(1, 0.5, 16).is_good());
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [loss, squares] : {std::pair{nan, 1.0}, {infinity, 1.0}, {1.0, nan}, {1.0, infinity}}) {
    CHECK(conclude(7, loss, squares).first_bad_step == 7);
    CHECK(conclude(8, 0.5, 16).first_bad_step == 7);
    state.reset();
    CHECK(conclude(9, 0.5, 16).is_good());
  }
}
