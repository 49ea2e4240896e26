// SPDX-License-Identifier: Apache-2.0
#include "seqrec/optim/item_decay.hpp"

#include <vector>

#include "seqrec/autograd/parameter_store.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/optim/optimizer.hpp"
#include "support/catch.hpp"

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
