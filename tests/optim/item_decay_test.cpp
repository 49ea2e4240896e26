// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/item_decay.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/parameters.hpp"

using namespace seqrec;
using Context = cpu::BasicContext<double>;

namespace {

constexpr index_t items = 700, width = 50;  // more than a range of a team's

struct Model {
  ParameterStore<Context> store;
  MatrixParameter<Context> other, table, bias, frozen;
  Model()
      : other(store.scope().table("users", items + 1, 3, Initialiser::normal(1))),
        table(store.scope().table("item_embedding", items, width, Initialiser::normal(1))),
        bias(store.scope().table("item_bias", items, 1, Initialiser::normal(1))),
        frozen(store.scope().table("frozen", items, 2, Initialiser::normal(1))) {
    store.initialise(InitialValues::drawn, 3);
  }
};

/// Item j comes up j times in training, every third one is in the batch with a gradient of 1.
std::vector<double> gradients_of(Model& model) {
  std::vector<double> gradients(static_cast<std::size_t>(model.store.size()), 0.0);
  const VectorView<double, HostSpace> all(gradients.data(), std::ssize(gradients));
  for (const auto* table : {&model.other, &model.table, &model.bias, &model.frozen})
    for (index_t j = 0; j < items; j += 3)
      for (index_t d = 0; d < table->columns(); ++d) table->within(all)(j, d) = 1;
  return gradients;
}

std::vector<index_t> counts() {
  std::vector<index_t> all;
  for (index_t j = 0; j < items; ++j) all.push_back(j);
  return all;
}

}  // namespace

TEST_CASE("the vectors of items in a batch decay by how often they are trained, and nothing else does", "[optim]") {
  std::vector<double> first;
  for (const int threads : {1, 2, 3}) {
    Model model;
    std::vector<double> gradients = gradients_of(model);
    const std::vector<double> before = gradients;
    const VectorView<double, HostSpace> all(gradients.data(), std::ssize(gradients));
    Context::Team team(model.store.size(), {.threads = threads, .slots = 4});
    const std::vector<std::string> names = {"frozen"};
    ItemDecay<Context>(0.5, counts()).add(team, ParameterRanges(model.store, names), model.store.values(), all);
    for (const auto* table : {&model.table, &model.bias})
      for (index_t j = 0; j < items; ++j)
        for (index_t d = 0; d < table->columns(); ++d) {
          const double decay = 0.5 / static_cast<double>(j == 0 ? 1 : j) * table->view()(j, d);
          REQUIRE(table->within(all)(j, d) == Approx(j % 3 == 0 ? 1 + decay : 0).epsilon(1e-14));
        }
    for (const auto* table : {&model.other, &model.frozen})
      for (index_t i = 0; i < table->size(); ++i) {
        const auto at = static_cast<std::size_t>(table->offset() + i);
        REQUIRE(gradients[at] == before[at]);
      }
    if (threads == 1) first = gradients;
    CHECK(gradients == first);
  }
}

TEST_CASE("steps with a decay of the batch's items agree with PyTorch", "[optim]") {
  const std::string name = GENERATE(as<std::string>{}, "item_decay_sgd", "item_decay_adam");
  CAPTURE(name);
  seqrec_test::Golden golden(name);
  ParameterStore<Context> store;
  auto vectors = store.scope().table("vectors", 5, 3, Initialiser::normal(1));
  auto biases = store.scope().table("biases", 5, 1, Initialiser::normal(1));
  store.initialise(InitialValues::drawn, 3);
  seqrec_test::put_values(vectors, golden.matrix("vectors.0").values);
  seqrec_test::put_values(biases, golden.matrix("biases.0").values);
  std::vector<index_t> often;
  for (const double count : golden.matrix("counts").values) often.push_back(static_cast<index_t>(count));
  Algorithm algorithm = Sgd{.momentum = golden.number("momentum")};
  if (name == "item_decay_adam")
    algorithm =
        Adam{.beta1 = golden.number("beta1"), .beta2 = golden.number("beta2"), .epsilon = golden.number("epsilon")};
  Optimizer<Context> optimizer(store.size(), algorithm);
  const ParameterRanges ranges(store);
  Context::Team team(store.size(), {.threads = 1});
  const ItemDecay<Context> decay(golden.number("item_decay"), often);
  for (int step = 1; step <= static_cast<int>(golden.number("steps")); ++step) {
    const std::string number = "." + std::to_string(step);
    std::vector<double> gradients =
        seqrec_test::laid_out<Context>(store, {{"vectors", golden.matrix("vectors.gradient" + number).values},
                                               {"biases", golden.matrix("biases.gradient" + number).values}});
    const VectorView<double, HostSpace> all(gradients.data(), std::ssize(gradients));
    decay.add(team, ranges, store.values(), all);
    for (const auto* table : {&vectors, &biases}) {
      const auto expected = golden.matrix((table == &vectors ? "vectors.decayed" : "biases.decayed") + number);
      for (index_t i = 0; i < table->size(); ++i)
        CHECK(std::abs(all(table->offset() + i) - expected(i)) < seqrec_test::golden_tolerance);
    }
    optimizer.step(team, ranges, store.values(), all, golden.number("learning_rate"));
    for (const auto& entry : store.entries()) {
      const auto expected = golden.matrix(entry.name + number);
      for (index_t i = 0; i < entry.size(); ++i)
        CHECK(std::abs(store.values(entry)(i) - expected(i)) < seqrec_test::golden_tolerance);
    }
  }
}

TEST_CASE("with lazy rows and SGD a step is the paper's", "[optim]") {
  Model model;
  const std::vector<double> begin = model.store.to_host();
  std::vector<double> gradients = gradients_of(model);
  const VectorView<double, HostSpace> all(gradients.data(), std::ssize(gradients));
  Context::Team team(model.store.size(), {.threads = 2, .slots = 4});
  const ParameterRanges ranges(model.store);
  ItemDecay<Context>(0.01, counts()).add(team, ranges, model.store.values(), all);
  Optimizer<Context, Sgd> optimizer(model.store.size(), Sgd{}, TableRows::lazy);
  optimizer.step(team, ranges, model.store.values(), all, /*learning_rate=*/0.25);
  for (index_t j = 0; j < items; ++j)
    for (index_t d = 0; d < width; ++d) {
      const double w = begin[static_cast<std::size_t>(model.table.offset() + j * width + d)];
      const double n = static_cast<double>(j == 0 ? 1 : j);
      REQUIRE(model.table.view()(j, d) == Approx(j % 3 == 0 ? w - 0.25 * (1 + 0.01 / n * w) : w).epsilon(1e-14));
    }
}
