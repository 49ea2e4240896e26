// SPDX-License-Identifier: Apache-2.0
#include "seqrec/objectives/next_item.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "seqrec/models/sasrec.hpp"
#include "support/biased_model.hpp"
#include "support/catch.hpp"
#include "support/histories.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

constexpr int items = 11;

Model toy_model() {
  Model model({.items = items, .width = 4, .blocks = 1, .max_length = 9, .dropout = 0});
  seqrec_test::randomise(model, 3);
  return model;
}

template <class Objective>
double loss_of(const Model& model, const Objective& objective, const ToyBatch& batch) {
  DoubleContext context;
  context.begin_step(1, 1);
  Tape<DoubleContext> tape(context, Mode::inference);
  objective(model, tape, batch.shard(0));
  return context.loss();
}

/// The mean over positions of loss(scores of the next items, scores of all items).
template <class Loss>
double loss_by_loops(const Model& model, const ToyBatch& batch, Loss loss) {
  DoubleContext context;
  Tape<DoubleContext> tape(context, Mode::inference);
  const auto states = model.encode(tape, batch.histories()).value();
  const auto table = model.item_head().table->view();
  const auto next = batch.shard(0).next.items;
  double sum = 0;
  for (index_t row = 0; row < states.rows(); ++row) {
    std::vector<double> all(items, 0.0), asked;
    for (index_t item = 0; item < items; ++item)
      for (index_t i = 0; i < states.columns(); ++i)
        all[static_cast<std::size_t>(item)] += states(row, i) * table(item, i);
    for (index_t i = 0; i < next.columns(); ++i) asked.push_back(all[static_cast<std::size_t>(next(row, i))]);
    sum += loss(asked, all) / static_cast<double>(states.rows());
  }
  return sum;
}

/// A loss of one's own: minus the target's score plus the mean of the others'.
struct Margin {
  static constexpr const char* name = "margin";
  template <class Real>
  double operator()(Real* scores, index_t count) const {
    double loss = -static_cast<double>(scores[0]);
    for (index_t j = 1; j < count; ++j) loss += static_cast<double>(scores[j]) / static_cast<double>(count - 1);
    scores[0] = -1;
    for (index_t j = 1; j < count; ++j) scores[j] = Real(1) / static_cast<Real>(count - 1);
    return loss;
  }
};

/// Another, that runs on many rows at once: the documentation's example in ops/row_losses.hpp.
struct Hinge {
  static constexpr const char* name = "hinge";
  template <class Lanes>
  SEQREC_HOST_DEVICE LossAndSlope<Lanes> lead(Lanes x) const {  // max(0, 1 + x)
    using namespace lanes;
    const Lanes zero(0.0), one(1.0);
    return {max(one + x, zero), where_less(-one, x, one, zero)};
  }
};

/// A toy batch with negatives that rows share: all of a batch, or those of a user.
struct SharedLists {
  std::vector<item_t> shared = {3, 0, 3, 10, 7, 1, 2, 9};
  std::vector<offset_t> of_users = {0, 3, 5, 5, 8};
  seqrec_test::PlacedRowIndex<HostSpace> index{shared};

  void add_to(TrainingBatch<HostSpace>& batch, bool per_user) const {
    batch.next.shared = {shared.data(), std::ssize(shared)};
    if (per_user) batch.next.shared_offsets = {of_users.data(), std::ssize(of_users)};
    batch.next.longest_shared = 3;
    batch.next.shared_index = index.view();
  }
};

}  // namespace

TEST_CASE("an objective knows how many negatives its loss wants", "[train]") {
  CHECK(NextItem{}.negatives == 1);
  CHECK(NextItem{.loss = BinaryCrossEntropy{}}.negatives == 1);
  CHECK(NextItem{.loss = BinaryCrossEntropy{}, .negatives = 8}.negatives == 8);
  CHECK(NextItem{.loss = FullSoftmax{}}.negatives == 0);
  CHECK(NextItem{FullSoftmax{}}.negatives == 0);
  CHECK(BasicNextItem<Margin>{}.negatives == 1);
}

TEST_CASE("an objective has a name for result files", "[train]") {
  CHECK(NextItem{.loss = FullSoftmax{}}.name() == "next item, full softmax");
  CHECK(NextItem{.loss = FullSoftmax{.leave_out_seen = true}}.name() == "next item, full softmax, without seen items");
  CHECK(NextItem{.loss = BinaryCrossEntropy{}}.name() == "next item, binary cross-entropy, 1 negative");
  CHECK(NextItem{.loss = BinaryCrossEntropy{}, .negatives = 8}.name() ==
        "next item, binary cross-entropy, 8 negatives");
  CHECK(BasicNextItem<Margin>{}.name() == "next item, margin, 1 negative");
  CHECK(
      NextItem{.loss = GeneralisedBinaryCrossEntropy{}, .negatives = 256, .sampling = {.reject_seen = false}}.name() ==
      "next item, generalised binary cross-entropy, calibration 0.75, 256 negatives, seen items among them");
  CHECK(NextItem{.loss = Bpr{}, .sampling = {.popularity_exponent = 0.75}}.name() ==
        "next item, BPR, 1 negative by popularity^0.75");
  CHECK(NextItem{.loss = SampledSoftmax{.temperature = 0.5}, .negatives = 2}.name() ==
        "next item, sampled softmax, temperature 0.5, 2 negatives");
  CHECK(NextItem{.loss = InfoNce{}}.name() == "next item, InfoNCE, temperature 1, 1 negative");
}

TEST_CASE("a number of negatives that does not fit the loss is refused", "[train]") {
  const auto message = [](const NextItem& objective) {
    return seqrec_test::message_of<ArgumentError>([&] { objective.check(); });
  };
  CHECK_NOTHROW(NextItem{.loss = BinaryCrossEntropy{}, .negatives = 3}.check());
  CHECK_NOTHROW(NextItem{.loss = FullSoftmax{}}.check());
  for (const index_t negatives : {0, -1})
    CHECK_THAT(message({.loss = BinaryCrossEntropy{}, .negatives = negatives}),
               ContainsSubstring("NextItem negatives is") && ContainsSubstring("at least 1"));
  CHECK_THAT(message({.loss = FullSoftmax{}, .negatives = 1}),
             ContainsSubstring("NextItem negatives is 1, expected 0"));
}

TEST_CASE("a number of the loss or of the sampling that is out of range is refused", "[train]") {
  const auto message = [](const NextItem& objective) {
    return seqrec_test::message_of<ArgumentError>([&] { objective.check(); });
  };
  CHECK_NOTHROW(NextItem{.loss = InfoNce{.temperature = 0.2}, .sampling = {1.0, false}}.check());
  CHECK_THAT(message({.loss = InfoNce{.temperature = 0}}), ContainsSubstring("InfoNCE temperature is 0"));
  CHECK_THAT(message({.loss = GeneralisedBinaryCrossEntropy{.calibration = 2}}), ContainsSubstring("calibration is 2"));
  for (const double exponent : {-0.5, std::nan(""), HUGE_VAL})
    CHECK_THAT(message({.loss = Bpr{}, .sampling = {.popularity_exponent = exponent}}),
               ContainsSubstring("popularity_exponent is") && ContainsSubstring("at least 0"));
}

TEST_CASE("losses are means over positions of what their definitions say", "[train]") {
  const Model model = toy_model();
  const int negatives = GENERATE(1, 4);
  const ToyBatch batch(seqrec_test::toy_users({3, 0, 1, 9}, items, negatives, 6), items, negatives);
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };

  const double bce = loss_by_loops(model, batch, [&](const auto& asked, const auto&) {
    double loss = softplus(-asked[0]);
    for (std::size_t j = 1; j < asked.size(); ++j) loss += softplus(asked[j]);
    return loss;
  });
  CHECK(loss_of(model, NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives}, batch) == Approx(bce));

  const double softmax = loss_by_loops(model, batch, [](const auto& asked, const auto& all) {
    double total = 0;
    for (const double score : all) total += std::exp(score);
    return std::log(total) - asked[0];
  });
  CHECK(loss_of(model, NextItem{.loss = FullSoftmax{}}, batch) == Approx(softmax));

  std::size_t row = 0;
  const double unseen = loss_by_loops(model, batch, [&](const auto& asked, const auto& all) {
    const auto histories = batch.histories();
    const auto target = batch.shard(0).next.items(static_cast<index_t>(row), 0);
    std::vector<bool> seen(all.size());
    for (index_t user = 0; user < histories.users(); ++user)
      if (histories.offsets()(user) <= static_cast<index_t>(row) &&
          static_cast<index_t>(row) < histories.offsets()(user + 1))
        for (index_t r = histories.offsets()(user); r <= static_cast<index_t>(row); ++r)
          seen[static_cast<std::size_t>(histories.items.values(r))] = true;
    ++row;
    double total = 0;
    for (std::size_t item = 0; item < all.size(); ++item)
      if (!seen[item] || item == static_cast<std::size_t>(target)) total += std::exp(all[item]);
    return std::log(total) - asked[0];
  });
  CHECK(unseen < softmax);
  CHECK(loss_of(model, NextItem{.loss = FullSoftmax{.leave_out_seen = true}}, batch) == Approx(unseen));

  const double generalised = loss_by_loops(model, batch, [&](const auto& asked, const auto& all) {
    const double alpha = static_cast<double>(negatives) / static_cast<double>(all.size() - 1);
    double loss = alpha * (0.75 * (1 - 1 / alpha) + 1 / alpha) * softplus(-asked[0]);
    for (std::size_t j = 1; j < asked.size(); ++j) loss += softplus(asked[j]);
    return loss;
  });
  CHECK(loss_of(model, NextItem{.loss = GeneralisedBinaryCrossEntropy{}, .negatives = negatives}, batch) ==
        Approx(generalised));

  const double bpr = loss_by_loops(model, batch, [&](const auto& asked, const auto&) {
    double loss = 0;
    for (std::size_t j = 1; j < asked.size(); ++j) loss += softplus(asked[j] - asked[0]);
    return loss;
  });
  CHECK(loss_of(model, NextItem{.loss = Bpr{}, .negatives = negatives}, batch) == Approx(bpr));

  const double margin = loss_by_loops(model, batch, [](const auto& asked, const auto&) {
    double others = 0;
    for (std::size_t j = 1; j < asked.size(); ++j) others += asked[j];
    return others / static_cast<double>(asked.size() - 1) - asked[0];
  });
  CHECK(loss_of(model, BasicNextItem<Margin>{.loss = Margin{}, .negatives = negatives}, batch) == Approx(margin));

  const double hinge = loss_by_loops(model, batch, [](const auto& asked, const auto&) {
    double loss = 0;
    for (std::size_t j = 1; j < asked.size(); ++j) loss += std::max(0.0, 1 + asked[j] - asked[0]);
    return loss;
  });
  CHECK(loss_of(model, BasicNextItem<Hinge>{.loss = Hinge{}, .negatives = negatives}, batch) == Approx(hinge));
}

TEST_CASE("softmaxes over samples know with what probability these were drawn", "[train]") {
  const Model model = toy_model();
  const int negatives = GENERATE(1, 4);
  const ToyBatch toy(seqrec_test::toy_users({3, 0, 1, 9}, items, negatives, 6), items, negatives);
  std::vector<float> log_probability;
  for (int item = 0; item < items; ++item) log_probability.push_back(-1.0f - 0.25f * static_cast<float>(item));
  const auto loss = [&](const NextItem& objective, bool by_popularity) {
    TrainingBatch<HostSpace> batch = toy.shard(0);
    if (by_popularity) batch.next.log_probability = {log_probability.data(), items};
    DoubleContext context;
    context.begin_step(1, 1);
    Tape<DoubleContext> tape(context, Mode::inference);
    objective(model, tape, batch);
    return context.loss();
  };
  const auto expected = [&](double temperature, bool corrected) {
    std::size_t row = 0;
    const auto next = toy.shard(0).next.items;
    return loss_by_loops(model, toy, [&](const auto& asked, const auto&) {
      double total = 0, target = 0;
      for (std::size_t j = 0; j < asked.size(); ++j) {
        const item_t item = next(static_cast<index_t>(row), static_cast<index_t>(j));
        const double logit = asked[j] / temperature -
                             (corrected ? static_cast<double>(log_probability[static_cast<std::size_t>(item)]) : 0.0);
        total += std::exp(logit);
        if (j == 0) target = logit;
      }
      ++row;
      return std::log(total) - target;
    });
  };
  const NextItem softmax{.loss = SampledSoftmax{.temperature = 0.5}, .negatives = negatives};
  const NextItem contrastive{.loss = InfoNce{.temperature = 0.5}, .negatives = negatives};
  CHECK(loss(softmax, true) == Approx(expected(0.5, true)));
  CHECK(loss(softmax, false) == Approx(expected(0.5, false)));
  CHECK(loss(contrastive, true) == Approx(expected(0.5, false)));
  CHECK(loss(contrastive, false) == Approx(expected(0.5, false)));
}

TEST_CASE("gradients reach vectors and biases of a head, also through negatives that rows share", "[train]") {
  seqrec_test::BiasedModel model(items, 4);
  const int negatives = 1;
  const ToyBatch toy(seqrec_test::toy_users({3, 1, 0, 9}, items, negatives, 6), items, negatives);
  const SharedLists shared;
  const int sharing = GENERATE(0, 1, 2);  // none, by the batch, by the user
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}},
                                      NextItem{.loss = FullSoftmax{.leave_out_seen = true}}, NextItem{.loss = Bpr{}},
                                      NextItem{.loss = SampledSoftmax{.temperature = 0.7}});
  CAPTURE(sharing, objective.name());
  TrainingBatch<HostSpace> batch = toy.shard(0);
  if (sharing != 0) shared.add_to(batch, sharing == 2);
  const auto run = [&](DoubleContext& context) {
    return seqrec_test::record_and_run(context, [&](Tape<DoubleContext>& tape) { objective(model, tape, batch); });
  };
  DoubleContext context;
  context.reserve_gradients(model.parameters().size());
  run(context);
  const GradientCheck check =
      check_gradients(model.parameters(), VectorView<const double, HostSpace>(context.gradients()), [&] {
        DoubleContext fresh;
        return run(fresh);
      });
  INFO(check.text());
  CHECK(check.worst < 1e-6);
}

TEST_CASE("a batch of empty histories has no loss and no gradient", "[train]") {
  Model model = toy_model();
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}},
                                      NextItem{.loss = Bpr{}}, NextItem{.loss = SampledSoftmax{}});
  const ToyBatch batch(seqrec_test::toy_users({0, 0}, items, 1, 6), items, 1);
  auto& parameters = model.parameters();
  DoubleContext context;
  context.reserve_gradients(parameters.size());
  const double loss =
      seqrec_test::record_and_run(context, [&](Tape<DoubleContext>& tape) { objective(model, tape, batch.shard(0)); });
  CHECK(loss == 0);
  for (index_t i = 0; i < parameters.size(); ++i) CHECK(context.gradients()(i) == 0);
}
