// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/step.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/optim/adam.hpp"
#include "support/catch.hpp"
#include "support/parameters.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

constexpr int items = 9;
const NextItem bce{.loss = BinaryCrossEntropy{}};

/// A model, a batch, and all that a step takes.
struct Bench {
  Model model{{.items = items, .width = 4, .blocks = 1, .max_length = 6, .dropout = 0.2, .seed = 5}};
  ParameterStore<DoubleContext>& parameters = model.parameters();
  ParameterRanges ranges{parameters};
  DoubleContext::Team team;
  Optimizer<DoubleContext, Adam> optimizer{parameters.size(), {}};
  ToyBatch batch{seqrec_test::toy_users({5, 1, 6, 3}, items, 1, 2), items, 1, {1, 2}};

  explicit Bench(TeamOptions options = {.threads = 1}) : team(parameters.size(), options) {}
  template <class Objective = NextItem>
  StepOutcome step(std::uint64_t number, double clip_norm = 0, const Objective& objective = bce) {
    return training_step(team, model, ranges, objective, optimizer, batch, 0.01, clip_norm, 3, number);
  }
  std::vector<double> weights() const { return seqrec_test::weights_of(model); }
  double norm() {
    double squares = 0;
    for (index_t i = 0; i < parameters.size(); ++i) squares += team.gradients()(i) * team.gradients()(i);
    return std::sqrt(squares);
  }
};

/// Next item, and a number added to one element of the gradient of each shard.
struct Spoiled {
  NextItem inner;
  index_t element;
  double loss_offset = 0;
  double gradient_offset = 0;

  void operator()(const Model& model, Tape<DoubleContext>& tape, const TrainingBatch<HostSpace>& shard) const {
    inner(model, tape, shard);
    tape.context().add_loss(loss_offset);
    const double offset = gradient_offset;
    double* const spoiled = &seqrec_test::gradient_element(tape.context(), model.parameters(), element);
    tape.record([offset, spoiled](Tape<DoubleContext>&) { *spoiled += offset; });
  }
};

}  // namespace

TEST_CASE("a step returns the loss before its update and the norm before clipping", "[train]") {
  Bench bench;
  const double loss = compute_gradients(bench.team, bench.model, bce, bench.batch, 3, 7);
  const double norm = bench.norm();
  const StepOutcome result = bench.step(7, 0.01);
  CHECK(result.loss == loss);
  CHECK(result.gradient_norm == Approx(norm));
  CHECK(norm > 0.01);
  CHECK(bench.optimizer.steps() == 1);
}

TEST_CASE("steps lower the loss of a batch", "[train]") {
  Bench bench;
  const double before = compute_gradients(bench.team, bench.model, bce, bench.batch, 3, 0);
  for (std::uint64_t i = 0; i < 60; ++i) bench.step(i);
  CHECK(compute_gradients(bench.team, bench.model, bce, bench.batch, 3, 0) < 0.7 * before);
}

TEST_CASE("a step is the same as gradients, clipping and update one by one", "[train]") {
  Bench whole, parts;
  for (std::uint64_t i = 0; i < 3; ++i) {
    whole.step(i, 0.5);
    compute_gradients(parts.team, parts.model, bce, parts.batch, 3, i);
    auto& state = parts.optimizer.state();
    state.begin({.step = i, .update = i + 1, .learning_rate = 0.01, .clip_norm = 0.5});
    finish_gradients<DoubleContext>(parts.team.context(), parts.ranges, parts.team.gradients(), parts.team.loss(),
                                    state);
    parts.optimizer.step(parts.team, parts.ranges, parts.parameters.values(), parts.team.gradients());
  }
  CHECK(whole.weights() == parts.weights());
}

TEST_CASE("the same step gives the same bits on any number of threads", "[train]") {
  Bench one({.threads = 1}), two({.threads = 2}), three({.threads = 3});
  for (std::uint64_t i = 0; i < 5; ++i)
    for (Bench* bench : {&one, &two, &three}) bench->step(i, 0.5);
  CHECK(one.weights() == two.weights());
  CHECK(one.weights() == three.weights());
}

TEST_CASE("a gradient that is not finite names step and parameter, and changes nothing", "[train]") {
  const double bad = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  Bench bench;
  bench.step(0);
  const auto before = bench.weights();
  const auto& entry = bench.parameters.entries()[5];
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] {
               bench.step(41, 0, Spoiled{bce, entry.offset + 1, 0, bad});
             }),
             ContainsSubstring("step 41") && ContainsSubstring("gradient of " + entry.name + " is not finite") &&
                 ContainsSubstring("hint"));
  CHECK(bench.weights() == before);
  CHECK(bench.optimizer.steps() == 1);
  CHECK_NOTHROW(bench.step(42));  // what went wrong is forgotten
}

TEST_CASE("a loss that is not finite stops a step too", "[train]") {
  Bench bench;
  const auto before = bench.weights();
  const Spoiled objective{bce, 0, std::numeric_limits<double>::infinity(), 0};
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] { bench.step(4, 0, objective); }),
             ContainsSubstring("step 4") && ContainsSubstring("the loss is inf"));
  CHECK(bench.weights() == before);
}

TEST_CASE("several batches make the gradients of one with all their users", "[train]") {
  Bench bench;
  SasRec<DoubleContext> model({.items = items, .width = 4, .blocks = 1, .max_length = 6, .dropout = 0, .seed = 5});
  const auto users = seqrec_test::toy_users({5, 1, 6, 3, 2}, items, 1, 2);
  const ToyBatch whole(users, items, 1, {1, 2});
  const std::vector<std::size_t> cuts = {0, 3, 4, 5};
  std::vector<ToyBatch> parts;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
    parts.emplace_back(std::vector(users.begin() + static_cast<std::ptrdiff_t>(cuts[i]),
                                   users.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1])),
                       items, 1);
  auto& parameters = model.parameters();
  const double expected = compute_gradients(bench.team, model, bce, whole, 3, 7);
  const auto view = bench.team.gradients();
  const std::vector<double> gradients(view.data, view.data + view.size());
  // A toy batch's scale is that of its own rows.
  const auto scaled = [&](index_t i) {
    struct Scaled {
      const ToyBatch& batch;
      double scale;
      index_t num_shards() const { return batch.num_shards(); }
      TrainingBatch<HostSpace> shard(index_t s) const {
        TrainingBatch<HostSpace> shard = batch.shard(s);
        shard.loss_scale = scale;
        return shard;
      }
    };
    return Scaled{parts[static_cast<std::size_t>(i)], 1.0 / static_cast<double>(whole.rows())};
  };
  accumulate_gradients(bench.team, model, bce, std::ssize(parts), scaled, 3, 7);
  CHECK(bench.team.context().loss() == Approx(expected).epsilon(1e-13));
  for (index_t i = 0; i < parameters.size(); ++i)
    CHECK(std::abs(view(i) - gradients[static_cast<std::size_t>(i)]) < 1e-13);
}

namespace {

/// A model with a statistic, which the objective below leaves sums for.
struct Counting {
  using Context = DoubleContext;
  ParameterStore<DoubleContext> store;
  VectorParameter<DoubleContext> weight = store.scope().vector("weight", 2, Initialiser::constant(1));
  VectorParameter<DoubleContext> rows = store.scope().statistic("rows", 1, Initialiser::constant(0));
  int updates = 0;

  Counting() {
    store.scope().moved_after_step(
        [this](DoubleContext&, std::span<const StatisticStep<DoubleContext>> of) {
          if (!of[0].outcome(0).is_good()) return;  // the host may not know yet that the step was bad
          ++updates;
          of[0].values(0) = 0.5 * of[0].values(0) + 0.5 * of[0].sums(0);
        },
        rows);
    store.initialise(InitialValues::drawn, 1);
  }
  Counting(Counting&&) = delete;  // the update knows this place

  ParameterStore<DoubleContext>& parameters() { return store; }
  const ParameterStore<DoubleContext>& parameters() const { return store; }
};

struct CountRows {
  double sum_offset = 0;
  void operator()(const Counting& model, Tape<DoubleContext>& tape, const TrainingBatch<HostSpace>& shard) const {
    tape.gradient(model.weight)(0) += 3;
    tape.gradient(model.rows)(0) += static_cast<double>(shard.histories.rows()) + sum_offset;
  }
};

}  // namespace

TEST_CASE("a model's statistics are updated after the step, from sums over all shards", "[train]") {
  Counting model;
  auto& parameters = model.parameters();
  const ParameterRanges ranges(parameters);
  DoubleContext::Team team(parameters.size(), {.threads = 2});
  Optimizer<DoubleContext> optimizer(parameters.size(), Sgd{});
  const ToyBatch batch(seqrec_test::toy_users({5, 1, 6, 3}, items, 1, 2), items, 1, {1, 2});
  const StepOutcome result = training_step(team, model, ranges, CountRows{}, optimizer, batch, 0.1, 0, 1, 0);
  CHECK(result.gradient_norm == 9);  // of three shards; the statistic's sum is no part of it
  CHECK(model.weight.view()(0) == Approx(1 - 0.9));
  CHECK(model.rows.view()(0) == 7.5);
  training_step(team, model, ranges, CountRows{}, optimizer, batch, 0.1, 4.5, 1, 1);
  CHECK(model.weight.view()(0) == Approx(1 - 0.9 - 0.45).epsilon(1e-6));  // clipped by the gradient alone
  CHECK(model.rows.view()(0) == 11.25);
  CHECK(model.updates == 2);

  const CountRows bad{std::numeric_limits<double>::quiet_NaN()};
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>(
                 [&] { training_step(team, model, ranges, bad, optimizer, batch, 0.1, 0, 1, 2); }),
             ContainsSubstring("step 2") && ContainsSubstring("rows is not finite"));
  CHECK(model.updates == 2);
}

namespace {

struct Forgetful {
  using Context = DoubleContext;
  ParameterStore<DoubleContext> store;
  VectorParameter<DoubleContext> mean = store.scope().statistic("mean", 1, Initialiser::constant(0));
  Forgetful() { store.initialise(InitialValues::drawn, 1); }
};

}  // namespace

TEST_CASE("statistics that nobody would move are refused", "[train]") {
  CHECK(seqrec_test::message_of<ArgumentError>([] { Forgetful forgetful; }) ==
        "mean: is a statistic that nobody moves, expected its layer to call moved_after_step");
  CHECK_NOTHROW(Counting());
}

TEST_CASE("a poisoned weight is found in the next step", "[train]") {
  Bench bench;
  const auto& entry = bench.parameters.entries()[4];
  bench.parameters.values(entry)(2) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] { bench.step(0); }),
             ContainsSubstring("step 0: the gradient of item_embedding.weight"));  // the first that the poison reaches
  CHECK_THAT(seqrec_test::message_of<NonFiniteError>([&] { check_finite(bench.team.context(), bench.parameters, 9); }),
             ContainsSubstring("step 9: " + entry.name + " is not finite"));
}
