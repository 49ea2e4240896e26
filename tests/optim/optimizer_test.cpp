// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/optim/clipping.hpp"
#include "seqrec/optim/exponential_average.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/parameters.hpp"

using namespace seqrec;
using seqrec_test::golden_tolerance, seqrec_test::laid_out, seqrec_test::put_values, seqrec_test::values_of;

namespace {

template <class Context>
struct Pair {
  ParameterStore<Context> store;
  MatrixParameter<Context> first;
  VectorParameter<Context> second;

  Pair(index_t rows, index_t columns, index_t size, ParameterRole role = ParameterRole::weight)
      : first(store.scope().table("first", rows, columns, Initialiser::normal(1))) {
    if (role == ParameterRole::statistic) {
      second = store.scope().statistic("second", size, Initialiser::normal(1));
      store.scope().moved_after_step([](Context&, auto) {}, second);
    } else {
      second = store.scope().vector("second", size, Initialiser::normal(1));
    }
    store.initialise(InitialValues::drawn, 5);
  }
};

template <class Context>
VectorView<const typename Context::Master, HostSpace> view_of(const std::vector<typename Context::Master>& all) {
  return {all.data(), std::ssize(all)};
}

}  // namespace

TEST_CASE("three steps of two tensors agree with PyTorch", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden(
      GENERATE(as<std::string>{}, "optimizer_adam", "optimizer_adamw", "optimizer_adam_clipped"));
  const auto first = golden.matrix("first.0"), second = golden.matrix("second.0");
  Pair<Context> model(first.rows, first.columns, second.size());
  put_values(model.first, first.values);
  put_values(model.second, second.values);
  ParameterStore<Context>& parameters = model.store;
  const ParameterRanges ranges(parameters);
  Context::Team team(parameters.size(), {.threads = 1});
  Optimizer<Context, Adam> optimizer(parameters.size(), {.beta1 = golden.number("beta1"),
                                                         .beta2 = golden.number("beta2"),
                                                         .epsilon = golden.number("epsilon"),
                                                         .weight_decay = golden.number("weight_decay")});
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::string number = std::to_string(step);
    const std::vector<double> gradients =
        laid_out<Context>(parameters, {{"first", golden.matrix("first.gradient." + number).values},
                                       {"second", golden.matrix("second.gradient." + number).values}});
    const auto view = view_of<Context>(gradients);
    optimizer.state().begin({.step = optimizer.steps(),
                             .update = optimizer.steps() + 1,
                             .learning_rate = golden.number("learning_rate"),
                             .clip_norm = golden.number("max_norm")});
    const double loss = 1;
    finish_gradients<Context>(team.context(), ranges, view, {&loss, 1}, optimizer.state());
    CHECK(optimizer.state().read().gradient_norm ==
          Approx(golden.matrix("gradient_norm")(step - 1)).epsilon(golden_tolerance));
    optimizer.step(team, ranges, parameters.values(), view);
    CHECK(optimizer.steps() == static_cast<std::uint64_t>(step));
    for (const auto& entry : parameters.entries()) {
      const auto expected = golden.matrix(entry.name + "." + number);
      for (index_t i = 0; i < entry.size(); ++i)
        CHECK(std::abs(parameters.values(entry)(i) - expected(i)) < golden_tolerance);
    }
  }
  for (const auto& entry : parameters.entries()) {
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
  const std::string name = GENERATE(as<std::string>{}, "optimizer_sgd", "optimizer_sgd_decayed",
                                    "optimizer_sgd_momentum", "optimizer_sgd_nesterov", "optimizer_adagrad",
                                    "optimizer_adagrad_decayed", "optimizer_adagrad_momentum");
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
                        .weight_decay = golden.number("weight_decay"),
                        .momentum = name == "optimizer_adagrad_momentum" ? golden.number("momentum") : 0};
  const auto first = golden.matrix("first.0"), second = golden.matrix("second.0");
  Pair<Context> model(first.rows, first.columns, second.size());
  put_values(model.first, first.values);
  put_values(model.second, second.values);
  ParameterStore<Context>& parameters = model.store;
  const ParameterRanges ranges(parameters);
  Context::Team team(0, {.threads = 1});
  Optimizer<Context> optimizer(parameters.size(), algorithm);
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::string number = std::to_string(step);
    const std::vector<double> gradients =
        laid_out<Context>(parameters, {{"first", golden.matrix("first.gradient." + number).values},
                                       {"second", golden.matrix("second.gradient." + number).values}});
    optimizer.step(team, ranges, parameters.values(), view_of<Context>(gradients), golden.number("learning_rate"));
    for (const auto& entry : parameters.entries()) {
      const auto expected = golden.matrix(entry.name + "." + number);
      for (index_t i = 0; i < entry.size(); ++i)
        CHECK(std::abs(parameters.values(entry)(i) - expected(i)) < golden_tolerance);
    }
  }
}

TEST_CASE("lazy table rows agree with PyTorch's SparseAdam", "[optim]") {
  using Context = cpu::BasicContext<double>;
  seqrec_test::Golden golden("optimizer_sparse_adam");
  const auto first = golden.matrix("first.0");
  Pair<Context> lazy(first.rows, first.columns, 2), dense(first.rows, first.columns, 2);
  put_values(lazy.first, first.values);
  put_values(dense.first, first.values);
  const ParameterRanges ranges(lazy.store);
  Context::Team team(0, {.threads = 1});
  const Adam adam{golden.number("beta1"), golden.number("beta2"), golden.number("epsilon")};
  Optimizer<Context> optimizer(lazy.store.size(), adam, TableRows::lazy), other(dense.store.size(), adam);
  double difference = 0;
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::vector<double> gradients =
        laid_out<Context>(lazy.store, {{"first", golden.matrix("first.gradient." + std::to_string(step)).values}});
    optimizer.step(team, ranges, lazy.store.values(), view_of<Context>(gradients), golden.number("learning_rate"));
    other.step(team, ranges, dense.store.values(), view_of<Context>(gradients), golden.number("learning_rate"));
    const auto expected = golden.matrix("first." + std::to_string(step));
    for (index_t i = 0; i < expected.size(); ++i) {
      CHECK(std::abs(lazy.first.view().data[i] - expected(i)) < golden_tolerance);
      difference = std::max(difference, std::abs(dense.first.view().data[i] - expected(i)));
    }
  }
  CHECK(difference > 1e-3);
}

TEST_CASE("lazy rows are rows of tables, whole, and keep values and moments", "[optim]") {
  using Context = cpu::Context;
  const Adam adam{.weight_decay = 0.5};
  constexpr index_t rows = 1000, columns = 53;  // rows lie across the ranges that threads take
  Pair<Context> model(rows, columns, 777);
  const std::vector<float> before = values_of(model.first), second = values_of(model.second);
  ParameterStore<Context>& parameters = model.store;
  const ParameterRanges ranges(parameters);
  Context::Team team(0, {.threads = GENERATE(1, 3)});
  Optimizer<Context> optimizer(parameters.size(), adam, TableRows::lazy);
  std::vector<float> gradients(static_cast<std::size_t>(parameters.size()));
  const auto touched = [](index_t row) { return row % 3 == 0 || (row >= 300 && row < 320); };
  for (index_t row = 0; row < rows; ++row)  // a single element of a row will do
    if (touched(row)) gradients[static_cast<std::size_t>(model.first.offset() + row * columns + row % columns)] = 0.1F;
  optimizer.step(team, ranges, parameters.values(), view_of<Context>(gradients), 0.1);
  const std::vector<float> after = values_of(model.first), square = optimizer.states()[1].to_host();
  const auto first = static_cast<std::size_t>(model.first.offset());
  index_t wrong = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool moved = touched(static_cast<index_t>(i) / columns);
    wrong += (after[i] != before[i]) != moved || (square[first + i] != 0) != (gradients[first + i] != 0);
  }
  CHECK(wrong == 0);
  const std::vector<float> second_after = values_of(model.second);  // a vector is no table: it decays
  for (std::size_t i = 0; i < second.size(); ++i)
    CHECK(second_after[i] == Approx(0.95 * static_cast<double>(second[i])));
}

TEST_CASE("an optimiser leaves statistics alone", "[optim]") {
  using Context = cpu::Context;
  Pair<Context> model(5, 3, 7, ParameterRole::statistic);
  const auto first = values_of(model.first), second = values_of(model.second);
  ParameterStore<Context>& parameters = model.store;
  const ParameterRanges ranges(parameters);
  Context::Team team(0, {.threads = 1});
  Optimizer<Context> optimizer(parameters.size(), AdamW(0.1));
  const std::vector<float> gradients(static_cast<std::size_t>(parameters.size()), 1.0F);
  optimizer.step(team, ranges, parameters.values(), view_of<Context>(gradients), 0.1);
  CHECK(values_of(model.first) != first);
  CHECK(values_of(model.second) == second);
}

TEST_CASE("an optimiser leaves what is frozen alone, with its moments", "[optim]") {
  using Context = cpu::Context;
  const TableRows rows = GENERATE(TableRows::dense, TableRows::lazy);
  const std::vector<std::string> frozen = {GENERATE(as<std::string>{}, "first", "second")};
  Pair<Context> model(1000, 3, 777);
  const auto first = values_of(model.first), second = values_of(model.second);
  const ParameterRanges ranges(model.store, frozen);
  Context::Team team(0, {.threads = 2});
  Optimizer<Context> optimizer(model.store.size(), AdamW(0.1), rows);
  const std::vector<float> gradients(static_cast<std::size_t>(model.store.size()), 1.0F);
  optimizer.step(team, ranges, model.store.values(), view_of<Context>(gradients), 0.1);
  CHECK((values_of(model.first) == first) == (frozen[0] == "first"));
  CHECK((values_of(model.second) == second) == (frozen[0] == "second"));
  const auto mean = optimizer.states()[0].view();
  CHECK((mean(model.first.offset()) == 0) == (frozen[0] == "first"));
  CHECK((mean(model.second.offset()) == 0) == (frozen[0] == "second"));
}

TEST_CASE("an optimiser gives the same bits on any number of threads", "[optim]") {
  using Context = cpu::Context;
  std::vector<float> expected;
  for (const int threads : {1, 2, 3}) {
    Pair<Context> model(1000, 53, 777);  // several ranges, none of them ending with a parameter
    ParameterStore<Context>& parameters = model.store;
    const ParameterRanges ranges(parameters);
    Context::Team team(0, {.threads = threads});
    Optimizer<Context, Adam> optimizer(parameters.size(), {});
    std::vector<float> gradients(static_cast<std::size_t>(parameters.size()));
    RandomStream random(1, Purpose::negatives, 0);
    for (int step = 0; step < 3; ++step) {
      for (float& gradient : gradients) gradient = static_cast<float>(random.normal());
      optimizer.step(team, ranges, parameters.values(), view_of<Context>(gradients), 0.1);
    }
    std::vector<float> values = values_of(model.first);
    const std::vector<float> second = values_of(model.second);
    values.insert(values.end(), second.begin(), second.end());
    if (expected.empty()) expected = values;
    CHECK(values == expected);
    CHECK(std::find(values.begin(), values.end(), 0.0F) == values.end());
  }
}

TEST_CASE("a model of more tables than an op takes at once is moved, clipped and averaged whole", "[optim]") {
  using Context = cpu::BasicContext<double>;
  const TableRows rows = GENERATE(TableRows::dense, TableRows::lazy);
  ParameterStore<Context> store;
  for (int i = 0; i < 2 * most_runs + 3; ++i)
    static_cast<void>(store.scope().table("table" + std::to_string(i), 3, 2, Initialiser::normal(1)));
  store.initialise(InitialValues::drawn, 5);
  const std::vector<double> before = store.to_host();
  const ParameterRanges ranges(store);
  Context::Team team(0, {.threads = 1});
  Optimizer<Context, Sgd> optimizer(store.size(), {}, rows);
  ExponentialAverage<Context> average(store.size(), 0.5);
  std::vector<double> gradients(static_cast<std::size_t>(store.size()));
  double elements = 0;
  for (const ParameterEntry& entry : store.entries())
    for (index_t i = 0; i < entry.size(); ++i, ++elements) gradients[static_cast<std::size_t>(entry.offset + i)] = 1;
  const auto view = view_of<Context>(gradients);
  const double loss = 1;
  for (std::uint64_t step = 0; step < 2; ++step) {
    optimizer.state().begin({.step = step, .update = step + 1, .learning_rate = 0.5, .clip_norm = 1});
    finish_gradients<Context>(team.context(), ranges, view, {&loss, 1}, optimizer.state());
    optimizer.step(team, ranges, store.values(), view);
    average.update(team, ranges, store.values(), optimizer.state());
  }
  CHECK(optimizer.state().read().gradient_norm == Approx(std::sqrt(elements)));
  const double moved = 0.5 / (std::sqrt(elements) + 1e-6);
  for (const ParameterEntry& entry : store.entries())
    for (index_t i = 0; i < entry.size(); ++i) {
      const double start = before[static_cast<std::size_t>(entry.offset + i)];
      CHECK(store.values(entry)(i) == Approx(start - 2 * moved));
      CHECK(average.values().view()(entry.offset + i) == Approx(start - 1.5 * moved));
    }
}

TEST_CASE("an optimiser checks its algorithm's options", "[optim]") {
  CHECK_THROWS_AS((Optimizer<cpu::Context, Adam>(3, {.beta1 = 1})), ArgumentError);
  CHECK_THROWS_AS(Optimizer<cpu::Context>(3, Sgd{.momentum = 2}), ArgumentError);
}
