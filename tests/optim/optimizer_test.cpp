// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/optimizer.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
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

  Pair(index_t rows, index_t columns, index_t size, ParameterRole role = ParameterRole::weight)
      : first(rows, columns, Initialiser::normal(1)), second(size, Initialiser::normal(1), role) {
    first.table = true;
  }
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

TEST_CASE("SGD and Adagrad agree with PyTorch, chosen at run time", "[optim]") {
  using Context = cpu::BasicContext<double>;
  const std::string name =
      GENERATE(as<std::string>{}, "optimizer_sgd", "optimizer_sgd_decayed", "optimizer_sgd_momentum",
               "optimizer_sgd_nesterov", "optimizer_adagrad", "optimizer_adagrad_decayed");
  CAPTURE(name);
  seqrec_test::Golden golden(name);
  Algorithm algorithm;
  if (name.find("sgd") != name.npos)
    algorithm = Sgd{.momentum = golden.number("momentum"),
                    .nesterov = golden.number("nesterov") != 0,
                    .weight_decay = golden.number("weight_decay")};
  else
    algorithm = Adagrad{.learning_rate_decay = golden.number("learning_rate_decay"),
                        .initial_accumulator = golden.number("initial_accumulator"),
                        .epsilon = golden.number("epsilon"),
                        .weight_decay = golden.number("weight_decay")};
  const auto first = golden.matrix("first.0"), second = golden.matrix("second.0");
  Pair<Context> model(first.rows, first.columns, second.size());
  model.first.value.copy_from_host(first.values.data());
  model.second.value.copy_from_host(second.values.data());
  const ParameterSet<Context> parameters(model);
  Context::Team team(0, {.threads = 1});
  Optimizer<Context> optimizer(parameters.size(), algorithm);
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::string number = std::to_string(step);
    std::vector<double> gradients = golden.matrix("first.gradient." + number).values;
    const auto rest = golden.matrix("second.gradient." + number).values;
    gradients.insert(gradients.end(), rest.begin(), rest.end());
    optimizer.step(team, parameters, {gradients.data(), std::ssize(gradients)}, golden.number("learning_rate"));
    for (const auto& entry : parameters) {
      const auto expected = golden.matrix(entry.name + "." + number);
      for (index_t i = 0; i < entry.size(); ++i) CHECK(std::abs(entry.values(i) - expected(i)) < golden_tolerance);
    }
  }
}

TEST_CASE("lazy table rows agree with PyTorch's SparseAdam", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden("optimizer_sparse_adam");
  const auto first = golden.matrix("first.0");
  Pair<Context> lazy(first.rows, first.columns, 2), dense(first.rows, first.columns, 2);
  lazy.first.value.copy_from_host(first.values.data());
  dense.first.value.copy_from_host(first.values.data());
  const ParameterSet<Context> parameters(lazy), dense_parameters(dense);
  Context::Team team(0, {.threads = 1});
  const Adam adam{golden.number("beta1"), golden.number("beta2"), golden.number("epsilon")};
  Optimizer<Context> optimizer(parameters.size(), adam, TableRows::lazy), other(parameters.size(), adam);
  double difference = 0;
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    std::vector<double> gradients = golden.matrix("first.gradient." + std::to_string(step)).values;
    gradients.resize(static_cast<std::size_t>(parameters.size()));
    const VectorView<const double, HostSpace> view(gradients.data(), std::ssize(gradients));
    optimizer.step(team, parameters, view, golden.number("learning_rate"));
    other.step(team, dense_parameters, view, golden.number("learning_rate"));
    const auto expected = golden.matrix("first." + std::to_string(step));
    for (index_t i = 0; i < expected.size(); ++i) {
      CHECK(std::abs(lazy.first.value.view().data[i] - expected(i)) < golden_tolerance);
      difference = std::max(difference, std::abs(dense.first.value.view().data[i] - expected(i)));
    }
  }
  CHECK(difference > 1e-3);
}

TEST_CASE("lazy rows are rows of tables, whole, and keep values and moments", "[optim]") {
  using Context = cpu::Context;
  const Adam adam{.weight_decay = 0.5};
  constexpr index_t rows = 1000, columns = 53;  // rows lie across the ranges that threads take
  Pair<Context> model(rows, columns, 777);
  initialise<Context>(model, 5);
  const std::vector<float> before = model.first.value.to_host(), second = model.second.value.to_host();
  const ParameterSet<Context> parameters(model);
  Context::Team team(0, {.threads = GENERATE(1, 3)});
  Optimizer<Context> optimizer(parameters.size(), adam, TableRows::lazy);
  std::vector<float> gradients(static_cast<std::size_t>(parameters.size()));
  const auto touched = [](index_t row) { return row % 3 == 0 || (row >= 300 && row < 320); };
  for (index_t row = 0; row < rows; ++row)  // a single element of a row will do
    if (touched(row)) gradients[static_cast<std::size_t>(row * columns + row % columns)] = 0.1F;
  optimizer.step(team, parameters, {gradients.data(), std::ssize(gradients)}, 0.1);
  const std::vector<float> after = model.first.value.to_host(), square = optimizer.states()[1].to_host();
  index_t wrong = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool moved = touched(static_cast<index_t>(i) / columns);
    wrong += (after[i] != before[i]) != moved || (square[i] != 0) != (gradients[i] != 0);
  }
  CHECK(wrong == 0);
  const std::vector<float> second_after = model.second.value.to_host();  // a vector is no table: it decays
  for (std::size_t i = 0; i < second.size(); ++i) CHECK(second_after[i] == Approx(0.95 * second[i]));
}

TEST_CASE("an optimiser leaves statistics alone", "[optim]") {
  using Context = cpu::Context;
  Pair<Context> model(5, 3, 7, ParameterRole::statistic);
  initialise<Context>(model, 5);
  const auto first = model.first.value.to_host(), second = model.second.value.to_host();
  const ParameterSet<Context> parameters(model);
  Context::Team team(0, {.threads = 1});
  Optimizer<Context> optimizer(parameters.size(), AdamW(0.1));
  const std::vector<float> gradients(static_cast<std::size_t>(parameters.size()), 1.0F);
  optimizer.step(team, parameters, {gradients.data(), std::ssize(gradients)}, 0.1);
  CHECK(model.first.value.to_host() != first);
  CHECK(model.second.value.to_host() == second);
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
  CHECK_THROWS_AS(Optimizer<cpu::Context>(3, Sgd{.momentum = 2}), ArgumentError);
}
