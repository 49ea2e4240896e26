// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/exponential_average.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/parameters.hpp"

using namespace seqrec;

namespace {

template <class Context>
struct Model {
  ParameterStore<Context> store;
  MatrixParameter<Context> weight;
  VectorParameter<Context> mean = store.scope().statistic("mean", 3, Initialiser::normal(1));

  Model(index_t rows, index_t columns, std::uint64_t seed = 0)
      : weight(store.scope().matrix("weight", rows, columns, Initialiser::normal(1))) {
    store.scope().moved_after_step([](Context&, auto) {}, mean);
    store.initialise(InitialValues::drawn, seed);
  }
};

}  // namespace

TEST_CASE("an average of weights agrees with PyTorch, and statistics are copied", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden("exponential_average");
  Model<Context> model(5, 3);
  ParameterStore<Context>& parameters = model.store;
  const ParameterRanges ranges(parameters);
  Context::Team team(0, {.threads = 1});
  StepState<HostSpace> state;
  ExponentialAverage<Context> average(parameters.size(), golden.number("decay"));
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    seqrec_test::put_values(model.weight, golden.matrix("weight." + std::to_string(step)).values);
    for (index_t i = 0; i < 3; ++i) model.mean.view()(i) = 10.0 * step + static_cast<double>(i) / 3;
    state.begin({.update = static_cast<std::uint64_t>(step)});
    average.update(team, ranges, parameters.values(), state);
    const auto expected = golden.matrix("average." + std::to_string(step));
    const auto values = average.values().view();
    for (index_t i = 0; i < expected.size(); ++i)
      CHECK(std::abs(values(model.weight.offset() + i) - expected(i)) < seqrec_test::golden_tolerance);
    for (index_t i = 0; i < 3; ++i) CHECK(values(model.mean.offset() + i) == model.mean.view()(i));
  }
}

TEST_CASE("what is frozen is copied into an average", "[optim]") {
  using Context = cpu::BasicContext<double>;
  Model<Context> model(5, 3);
  const std::vector<std::string> frozen = {"weight"};
  const ParameterRanges ranges(model.store, frozen);
  Context::Team team(0, {.threads = 1});
  StepState<HostSpace> state;
  ExponentialAverage<Context> average(model.store.size(), 0.9);
  for (std::uint64_t step = 1; step <= 2; ++step) {
    model.weight.view()(4, 2) = static_cast<double>(step);  // by whoever else
    state.begin({.update = step});
    average.update(team, ranges, model.store.values(), state);
    CHECK(average.values().view()(model.weight.offset() + 14) == static_cast<double>(step));
  }
}

TEST_CASE("an average has the same bits on any number of threads", "[optim]") {
  using Context = cpu::Context;
  std::vector<float> expected;
  for (const int threads : {1, 2, 3}) {
    Context::Team team(0, {.threads = threads});
    StepState<HostSpace> state;
    ExponentialAverage<Context> average(Model<Context>(700, 53).store.size(), 0.7);
    for (std::uint64_t step = 1; step <= 3; ++step) {
      const Model<Context> model(700, 53, step);
      state.begin({.update = step});
      average.update(team, ParameterRanges(model.store), model.store.values(), state);
    }
    if (expected.empty()) expected = average.values().to_host();
    CHECK(average.values().to_host() == expected);
  }
}

TEST_CASE("an average's decay out of range is named", "[optim]") {
  for (const double decay : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THAT(seqrec_test::message_of<ArgumentError>([&] { ExponentialAverage<cpu::Context>(3, decay); }),
               ContainsSubstring("average decay is") && ContainsSubstring("[0, 1)"));
}
