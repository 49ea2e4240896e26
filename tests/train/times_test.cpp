// SPDX-License-Identifier: Apache-2.0
// Training and judging a model that reads when events happened.
#include <algorithm>
#include <string>
#include <vector>

#include "seqrec/evaluate/evaluate.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/serve/score.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"
#include "train/resumed_run.hpp"

using namespace seqrec;
using Model = SasRec<cpu::Context>;

namespace {

Dataset untimed_data() { return synthetic_dataset({.users = 40, .items = 50, .genres = 5, .max_events = 20}); }
Split timed_split() {
  Dataset data = untimed_data();
  RandomStream random(1, Purpose::synthetic_data, 7);
  for (index_t event = 0; event < data.num_interactions(); ++event)
    data.times.push_back(1'000'000 * event + random.below(900'000));
  return leave_one_out(data);
}

Model timed_model() {
  return Model({.items = 50,
                .width = 8,
                .blocks = 1,
                .max_length = 10,
                .dropout = 0.2,
                .position_bias = true,
                .time_bias = true,
                .seed = 3});
}

}  // namespace

TEST_CASE("a run of a model that reads times is resumed, with random windows too", "[train]") {
  TrainerOptions options{
      .epochs = 4, .batch_size = 10, .learning_rate = 1e-2, .seed = 5, .team = {.threads = 2}, .log = nullptr};
  options.random_windows = GENERATE(false, true);
  const Split split = timed_split();
  const auto result = seqrec_test::check_resumed_run(timed_model, split, NextItem{.loss = FullSoftmax{}}, options, 3);
  CHECK(result.history.back().loss < result.history.front().loss);
}

TEST_CASE("biases of attention have the same bits on any number of threads", "[train]") {
  const Split split = timed_split();
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    Model model = timed_model();
    Trainer trainer({.epochs = 2, .batch_size = 20, .team = {.threads = threads}, .log = nullptr});
    trainer.fit(model, split, NextItem{.loss = FullSoftmax{}});
    const auto weights = model.parameters().to_host();
    if (threads == 1) first = weights;
    CHECK(weights == first);
    const auto trained = [&](const char* name) {
      const auto& entries = model.parameters().entries();
      const auto entry = std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.name == name; });
      REQUIRE(entry != entries.end());
      const auto values = model.parameters().values(*entry);
      return std::any_of(values.data, values.data + values.size(), [](float value) { return value != 0; });
    };
    CHECK(trained("blocks.0.attention.position_bias"));
    CHECK(trained("blocks.0.attention.time_bias"));
  }
}

TEST_CASE("an evaluation reads the times that came before each target", "[evaluate]") {
  const Split split = timed_split();
  Model model = timed_model();
  seqrec_test::randomise(model.parameters(), 4);
  const auto ranks = [&] {
    cpu::Context::Team team(0, {.threads = 1});
    return target_ranks(team, model, split.test, {});
  }();
  cpu::Context context;
  std::vector<item_t> all(50);
  for (item_t item = 0; item < 50; ++item) all[static_cast<std::size_t>(item)] = item;
  for (index_t i = 0; i < split.test.size(); ++i) {
    REQUIRE(split.test.times(i).size() == split.test.history(i).size());
    const auto scores = score(model, context, split.test.history(i), all, {.times = split.test.times(i)});
    const item_t target = split.test.targets[static_cast<std::size_t>(i)];
    double above = 0;
    for (const item_t item : all) {
      const auto history = split.test.history(i);
      if (item == target || std::find(history.begin(), history.end(), item) != history.end()) continue;
      above += scores[static_cast<std::size_t>(item)] > scores[static_cast<std::size_t>(target)] ? 1 : 0;
    }
    CHECK(ranks[static_cast<std::size_t>(i)].rank == above + 1);
  }
}

TEST_CASE("a data set without times is refused by the option that reads them", "[train][errors]") {
  const Split split = leave_one_out(untimed_data());
  Model model = timed_model();
  const std::string message =
      "synthetic: time_bias is true, expected a data set whose events have times, this one has none";
  Trainer trainer({.log = nullptr});
  CHECK(seqrec_test::message_of<DataError>([&] { trainer.fit(model, split, NextItem{}); }) == message);
  CHECK(seqrec_test::message_of<DataError>([&] { evaluate(model, split.test); }) == message);
  CHECK(split.test.times(0).empty());
}
