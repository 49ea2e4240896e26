// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/click.hpp"

#include <string>
#include <vector>

#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;

namespace {

constexpr int items = 9;

struct LossAndGradient {
  double loss;
  std::vector<double> gradient;
};

template <class Model, class Objective>
LossAndGradient computed(Model& model, const Objective& objective, const ToyBatch& batch) {
  auto& parameters = model.parameters();
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const double loss = compute_gradients(team, model, objective, batch, 21, 4);
  const auto gradient = team.gradients();
  return {loss, {gradient.data, gradient.data + gradient.size()}};
}

/// Clicks count candidates where next items count positions: two for one.
template <class Model>
void check_same_as_next_item(Model& model) {
  seqrec_test::randomise(model, 3);
  const ToyBatch batch(seqrec_test::toy_users({6, 3, 1, 0, 2}, items, 1, 5), items, 1, {1, 3});
  const LossAndGradient next = computed(model, NextItem{.loss = BinaryCrossEntropy{}}, batch);
  LossAndGradient click = computed(model, Click{.negatives = 1}, batch);
  CHECK(2 * click.loss == Approx(next.loss).epsilon(1e-14));
  for (double& element : click.gradient) element *= 2;
  CHECK(seqrec_test::deviation(click.gradient, next.gradient) < 1e-13);
}

}  // namespace

TEST_CASE("a click with one negative teaches a static encoder what its next item does", "[train]") {
  SasRec<DoubleContext> sasrec({.items = items, .width = 4, .blocks = 1, .max_length = 6, .dropout = 0.3});
  check_same_as_next_item(sasrec);
  AvgPool<DoubleContext> avg_pool({.items = items, .width = 4, .max_length = 6});
  check_same_as_next_item(avg_pool);
}

TEST_CASE("clicks of a static encoder have the derivatives of their loss", "[train]") {
  SasRec<DoubleContext> model({.items = items, .width = 4, .blocks = 1, .max_length = 6, .dropout = 0.3});
  seqrec_test::randomise(model, 12);
  auto& parameters = model.parameters();
  const ToyBatch batch(seqrec_test::toy_users({6, 3, 1, 0, 2}, items, 3, 5), items, 3, {2});
  DoubleContext::Team team(parameters.size(), {.threads = 1, .slots = 2});
  const auto loss = [&] { return compute_gradients(team, model, Click{.negatives = 3}, batch, 21, 4); };
  loss();
  const GradientCheck check = check_gradients(parameters, team.gradients(), loss);
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a click has a name that says how many negatives it samples", "[train]") {
  CHECK(Click{}.name() == "click, 1 negative");
  CHECK(Click{.negatives = 4}.name() == "click, 4 negatives");
  CHECK_NOTHROW(Click{}.check());
  CHECK_THROWS_WITH(Click{.negatives = 0}.check(), "Click negatives is 0, expected at least 1");
}
