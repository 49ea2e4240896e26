// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/optimizer.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/optim/adam.hpp"
#include "seqrec/optim/clipping.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace seqrec;
using seqrec_test::golden_tolerance;

namespace {

template <class Context>
struct Pair {
  MatrixParameter<Context> first;
  VectorParameter<Context> second;

  Pair(index_t rows, index_t columns, index_t size)
      : first(rows, columns, Initialiser::normal(1)), second(size, Initialiser::normal(1)) {}
  template <class Visitor>
  void for_each_parameter(Visitor&& visit) {
    visit("first", first);
    visit("second", second);
  }
};

}  // namespace

TEST_CASE("three steps of two tensors agree with PyTorch", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden(
      GENERATE(as<std::string>{}, "optimizer_adam", "optimizer_adamw", "optimizer_adam_clipped"));
  const auto first = golden.matrix("first.0"), second = golden.matrix("second.0");
  Pair<Context> model(first.rows, first.columns, second.size());
  model.first.value.copy_from_host(first.values.data());
  model.second.value.copy_from_host(second.values.data());
  const ParameterSet<Context> parameters(model);
  Context::Team team(parameters.size(), {.threads = 1});
  Optimizer<Context, Adam> optimizer(parameters.size(), {.beta1 = golden.number("beta1"),
                                                         .beta2 = golden.number("beta2"),
                                                         .epsilon = golden.number("epsilon"),
                                                         .weight_decay = golden.number("weight_decay")});
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::string number = std::to_string(step);
    std::vector<double> gradients = golden.matrix("first.gradient." + number).values;
    const auto rest = golden.matrix("second.gradient." + number).values;
    gradients.insert(gradients.end(), rest.begin(), rest.end());
    const VectorView<const double, HostSpace> view(gradients.data(), std::ssize(gradients));
    const double norm = gradient_norm(team.context(), parameters, view).value;
    CHECK(norm == Approx(golden.matrix("gradient_norm")(step - 1)).epsilon(golden_tolerance));
    optimizer.step(team, parameters, view, golden.number("learning_rate"), clip_scale(norm, golden.number("max_norm")));
    CHECK(optimizer.steps() == static_cast<std::uint64_t>(step));
    for (const auto& entry : parameters) {
      const auto expected = golden.matrix(entry.name + "." + number);
      for (index_t i = 0; i < entry.size(); ++i) CHECK(std::abs(entry.values(i) - expected(i)) < golden_tolerance);
    }
  }
  for (const auto& entry : parameters) {
    const auto means = golden.matrix(entry.name + ".first_moment"),
               squares = golden.matrix(entry.name + ".second_moment");
    for (index_t i = 0; i < entry.size(); ++i) {
      CHECK(std::abs(optimizer.states()[0].view()(entry.offset + i) - means(i)) < golden_tolerance);
      CHECK(std::abs(optimizer.states()[1].view()(entry.offset + i) - squares(i)) < golden_tolerance);
    }
  }
}

TEST_CASE("an optimiser gives the same bits on any number of threads", "[optim]") {
  using Context = cpu::Context;
  std::vector<float> expected;
  for (const int threads : {1, 2, 3}) {
    Pair<Context> model(1000, 53, 777);  // several ranges, none of them ending with a parameter
    initialise<Context>(model, 5);
    const ParameterSet<Context> parameters(model);
    Context::Team team(0, {.threads = threads});
    Optimizer<Context, Adam> optimizer(parameters.size(), {});
    std::vector<float> gradients(static_cast<std::size_t>(parameters.size()));
    RandomStream random(1, Purpose::negatives, 0);
    for (int step = 0; step < 3; ++step) {
      for (float& gradient : gradients) gradient = static_cast<float>(random.normal());
      optimizer.step(team, parameters, {gradients.data(), std::ssize(gradients)}, 0.1);
    }
    std::vector<float> values;
    for (const auto& entry : parameters)
      values.insert(values.end(), entry.values.data, entry.values.data + entry.size());
    if (expected.empty()) expected = values;
    CHECK(values == expected);
    CHECK(std::find(values.begin(), values.end(), 0.0F) == values.end());
  }
}

TEST_CASE("an optimiser checks its algorithm's options", "[optim]") {
  CHECK_THROWS_AS((Optimizer<cpu::Context, Adam>(3, {.beta1 = 1})), ArgumentError);
}
