// SPDX-License-Identifier: Apache-2.0
// Where nothing is to be learned, nothing may be learned: with labels at random a model must not know held-out items
// from others. What leaks labels (statistics of the batch, features, the order of candidates) would show here.
#include <cstdint>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/models/hstu.hpp"
#include "seqrec/models/narm.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/trainer.hpp"
#include "support/catch.hpp"

using namespace seqrec;
using Context = cpu::Context;

namespace {

/// Click, but one of the two candidates of each position is the one taken, by a coin. It hangs on both, so that it
/// falls anew for every drawn negative: a coin of item and place alone is one for all epochs, and some items win more
/// often than they lose.
struct ShuffledClick : Click {
  template <class Model, class C>
  void operator()(const Model& model, Tape<C>& tape, TrainingBatch<typename C::Space> batch) const {
    std::vector<float> labels(static_cast<std::size_t>(batch.clicks.labels.size()));
    for (std::size_t c = 0; c + 1 < labels.size(); c += 2) {
      const auto item = [&](std::size_t i) { return static_cast<std::uint64_t>(batch.next.items.data[i]); };
      const auto place = static_cast<std::uint64_t>(batch.histories.first_row) * 7919 + c;
      labels[c + (mix_bits(mix_bits(item(c) << 32 | item(c + 1)) ^ place) & 1)] = 1.0f;
    }
    batch.clicks.labels = {labels.data(), std::ssize(labels)};
    Click::operator()(model, tape, batch);
  }
};

/// People and films of which more is known, and it is about what people watch; even the seconds are.
Dataset data_with_features() {
  Dataset data = synthetic_dataset({.users = 1500, .items = 120, .genres = 6, .min_events = 4, .max_events = 12});
  std::vector<std::vector<std::string>> of_users, of_items;
  for (index_t user = 0; user < data.num_users(); ++user)
    of_users.push_back({"first=" + std::to_string(data.history(user).front() % 6)});
  for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({"genre=" + std::to_string(item % 6)});
  for (index_t event = 0; event < data.num_interactions(); ++event)
    data.times.push_back(1'000 * event + data.items.data()[event] % 6);
  data.user_features = make_feature_table(of_users);
  data.item_features = make_feature_table(of_items);
  return data;
}

template <class Model, class Objective>
double auc_after_training(Model model, const Split& split, const Objective& objective) {
  const CandidateLists validation = draw_candidates(split.validation, {.negatives = 40});
  const CandidateLists test = draw_candidates(split.test, {.negatives = 40});
  Trainer({.epochs = 6,
           .batch_size = 64,
           .learning_rate = 5e-3,
           .seed = 2,
           .evaluate_every = 6,  // to choose an epoch would be to learn from the validation's labels
           .patience = 0,
           .selection = "auc",
           .validation = {.candidates = &validation},
           .log = nullptr})
      .fit(model, split, objective);
  return evaluate(model, split.test, {.candidates = &test})["auc"];
}

}  // namespace

TEST_CASE("models learn from labels, and from nothing but labels", "[train]") {
  const Dataset data = data_with_features();
  const Split split = leave_one_out(data);
  const auto check = [&](auto make) {
    CHECK(auc_after_training(make(), split, Click{}) > 0.6);
    CHECK(auc_after_training(make(), split, ShuffledClick{}) == Approx(0.5).margin(0.02));
  };
  SECTION("SasRec") {
    check([&] { return SasRec<Context>({.items = data.num_items(), .width = 16, .blocks = 1, .max_length = 12}); });
  }
  SECTION("SasRec with mixtures of experts, whose selection bias is a statistic") {
    check([&] {
      return SasRec<Context>(
          {.items = data.num_items(), .width = 16, .blocks = 1, .max_length = 12, .moe = {.experts = 4}});
    });
  }
  SECTION("SasRec's variants, which read times") {
    check([&] {
      return SasRec<Context>({.items = data.num_items(),
                              .width = 16,
                              .blocks = 1,
                              .max_length = 12,
                              .norm = NormPlacement::pre,
                              .units = HiddenUnits::swiglu,
                              .position_bias = true,
                              .time_bias = true,
                              .seed = 1});  // seeds differ by .01
    });
  }
  SECTION("Hstu") {
    check([&] { return Hstu<Context>({.items = data.num_items(), .width = 16, .blocks = 1, .max_length = 12}); });
  }
  SECTION("AvgPool") {
    check([&] { return AvgPool<Context>({.items = data.num_items(), .width = 16, .max_length = 12}); });
  }
  SECTION("Gru4Rec") {
    check([&] { return Gru4Rec<Context>({.items = data.num_items(), .width = 16, .max_length = 12}); });
  }
  SECTION("Narm") {
    check([&] { return Narm<Context>({.items = data.num_items(), .width = 16, .hidden = 16, .max_length = 12}); });
  }
  SECTION("Din, with Dice and with features") {
    check([&] {
      return Din<Context>({.items = data.num_items(),
                           .width = 16,
                           .max_length = 12,
                           .attention_hidden = {8},
                           .attention_activation = Activation::dice,
                           .hidden = {16},
                           .activation = Activation::dice,
                           .user_categories = data.user_features.categories(),
                           .item_categories = data.item_features.categories()});
    });
  }
}
