// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/click.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
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

TEST_CASE("clicks about the batch's own items are cross-entropies, the same bits on any number of threads", "[train]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  Din<DoubleContext> model(
      {.items = data.num_items(), .width = 4, .max_length = 5, .attention_hidden = {3}, .hidden = {4}});
  seqrec_test::randomise(model, 3);
  const bool corrects = GENERATE(false, true);
  const Click objective{.negatives = 3, .sharing = NegativeSharing::in_batch, .correct_sampling = corrects};
  objective.check();
  Batcher batcher(
      split, {.batch_size = 9, .max_length = 7, .window = 5, .plan = objective.plan(), .token_budget = 10, .seed = 3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() > 2);
  const auto gradient = [&](int threads, double& loss) {
    DoubleContext::Team team(model.parameters().size(), {.threads = threads, .slots = 3});
    loss = compute_gradients(team, model, objective, batch, 21, 4);
    return std::vector<double>(team.gradients().data, team.gradients().data + team.gradients().size());
  };
  double first = 0, again = 0;
  const std::vector<double> one = gradient(1, first);
  for (const int threads : {2, 3}) {
    CHECK(gradient(threads, again) == one);
    CHECK(again == first);
  }

  Din<DoubleContext> calm(
      {.items = data.num_items(), .width = 4, .max_length = 5, .attention_hidden = {3}, .hidden = {4}, .dropout = 0});
  std::copy_n(model.parameters().values().data, model.parameters().size(), calm.parameters().values().data);
  DoubleContext::Team team(calm.parameters().size(), {.threads = 1});
  const double loss = compute_gradients(team, calm, objective, batch, 21, 4);
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const TrainingBatch<HostSpace> whole = batch.whole();
  const auto scores = calm.score(tape, whole.histories, whole.clicks.candidates).value();
  REQUIRE(scores.rows() == 4 * batch.num_targets());
  std::vector<double> events(40, 0.0);
  double all = 0, sum = 0;
  for (index_t user = 0; user < data.num_users(); ++user)
    for (const item_t item : split.train_history(user)) ++events[static_cast<std::size_t>(item)], ++all;
  for (index_t c = 0; c < scores.rows(); ++c) {
    const item_t item = whole.clicks.candidates.items.values(c);
    const double share = events[static_cast<std::size_t>(item)] / all;
    const double score = scores(c, 0) - (corrects ? std::log(40 * share) : 0);
    sum += std::log1p(std::exp(c % 4 == 0 ? -score : score));
  }
  CHECK(loss == Approx(sum / static_cast<double>(scores.rows())).epsilon(corrects ? 1e-6 : 1e-12));
}

TEST_CASE("corrected clicks leave uniform negatives as they are", "[train]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);
  const Split split = leave_one_out(data);
  AvgPool<DoubleContext> model({.items = data.num_items(), .width = 4, .max_length = 7});
  seqrec_test::randomise(model, 3);
  const auto loss = [&](const Click& objective) {
    Batcher batcher(split, {.batch_size = 9, .max_length = 7, .plan = objective.plan(), .seed = 3});
    DoubleContext::Team team(model.parameters().size(), {.threads = 1});
    return compute_gradients(team, model, objective, batcher.make(0, 0), 21, 4);
  };
  CHECK(loss({.negatives = 2, .correct_sampling = true}) == loss({.negatives = 2}));
  const NegativeSampling popular{.popularity_exponent = 1};
  CHECK(loss({.negatives = 2, .sampling = popular, .correct_sampling = true}) !=
        loss({.negatives = 2, .sampling = popular}));
}

TEST_CASE("a click has a name that says how many negatives it samples", "[train]") {
  CHECK(Click{}.name() == "click, 1 negative");
  CHECK(Click{.negatives = 4}.name() == "click, 4 negatives");
  CHECK_NOTHROW(Click{}.check());
  CHECK(Click{.negatives = 2, .sharing = NegativeSharing::in_batch}.name() == "click, 2 negatives of the batch's own");
  CHECK_THROWS_WITH(Click{.negatives = 0}.check(), "Click negatives is 0, expected at least 1");
  CHECK_THROWS_WITH(Click{.sharing = NegativeSharing::per_batch}.check(),
                    "sharing is per_batch, expected per_position or in_batch for clicks");
  CHECK_THROWS_WITH((Click{.sampling = {.popularity_exponent = 0.5}, .sharing = NegativeSharing::in_batch}.check()),
                    ContainsSubstring("popularity_exponent is 0.5, expected nothing but 1 in_batch"));
  CHECK(Click{.negatives = 2, .sharing = NegativeSharing::in_batch, .correct_sampling = true}.name() ==
        "click, 2 negatives of the batch's own, logQ");
  CHECK_THROWS_WITH((Click{.sampling = {.distinct = true}, .correct_sampling = true}.check()),
                    ContainsSubstring("Click correct_sampling is true, expected false with distinct"));
  CHECK_NOTHROW(Click{.sampling = {.distinct = true}, .sharing = NegativeSharing::in_batch}.check());
}
