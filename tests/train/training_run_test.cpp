// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/training_run.hpp"

#include <iterator>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/din.hpp"
#include "seqrec/objectives/click.hpp"
#include "seqrec/train/model_task.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

/// Notes what it was asked to train.
struct Noting : Click {
  std::vector<index_t>* rows;
  std::vector<index_t>* windows;

  template <class Model, class Context>
  void operator()(const Model& model, Tape<Context>& tape, const TrainingBatch<typename Context::Space>& shard) const {
    rows->push_back(shard.histories.longest);
    windows->push_back(shard.clicks.candidates.window);
    Click::operator()(model, tape, shard);
  }
};

}  // namespace

TEST_CASE("a run trains as many positions, and shows candidates as much, as the model says", "[train]") {
  const Dataset data = synthetic_dataset({.users = 12, .items = 60, .genres = 4, .min_events = 20, .max_events = 30});
  const Split split = leave_one_out(data);
  Din<cpu::Context> model({.items = 60, .width = 4, .max_length = 5, .training_length = 11});
  std::vector<index_t> rows, windows;
  const Noting objective{{}, &rows, &windows};
  const TrainerOptions options{.epochs = 1, .team = {.threads = 1}, .log = nullptr};
  detail::ModelTask task(model, split, objective, options);
  const TrainingResult result = detail::TrainingRun<float>(task, split.validation, options).run();
  CHECK(result.steps == 1);
  REQUIRE_FALSE(rows.empty());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i] == 11);
    CHECK(windows[i] == 5);
  }
}

TEST_CASE("a run of so many steps ends within an epoch", "[train]") {
  const Dataset data = synthetic_dataset({.users = 40, .items = 30, .genres = 4, .max_events = 12});
  const Split split = leave_one_out(data);
  Din<cpu::Context> model({.items = 30, .width = 4, .max_length = 5});
  const TrainerOptions options{.steps = 7, .batch_size = 10, .evaluate_every_steps = 3, .log = nullptr};
  const Click objective;
  detail::ModelTask task(model, split, objective, options);
  const TrainingResult result = detail::TrainingRun<float>(task, split.validation, options).run();
  CHECK(result.steps == 7);
  CHECK(result.epochs == 2);
  REQUIRE(result.history.size() == 3);  // after 3, 6 and in the end
  CHECK(result.history.back().steps == 7);
}

TEST_CASE("one user who has the whole catalogue in training costs nobody else the training, and is named", "[train]") {
  Dataset data = synthetic_dataset({.users = 40, .items = 30, .genres = 4, .max_events = 12});
  const item_t last[] = {data.items.end()[-2], data.items.end()[-1]};
  std::vector<item_t> all(30);
  std::iota(all.begin(), all.end(), item_t{0});
  data.items.erase(data.items.begin() + data.offsets.end()[-2], data.items.end());
  data.items.insert(data.items.end(), all.begin(), all.end());
  data.items.insert(data.items.end(), std::begin(last), std::end(last));
  data.times.clear();
  data.offsets.back() = std::ssize(data.items);
  const std::string id(data.user_ids[39]);
  const Split split = leave_one_out(std::move(data));
  Din<cpu::Context> model({.items = 30, .width = 4, .max_length = 5});
  std::ostringstream log;
  const TrainerOptions options{.epochs = 1, .log = &log};
  const Click objective;
  check_evaluation(model, split.validation, options.validation);
  detail::ModelTask task(model, split, objective, options);
  const TrainingResult result = detail::TrainingRun<float>(task, split.validation, options).run();
  CHECK(result.left_out == std::vector<std::string>{id});
  CHECK(result.validation.left_out.users == std::vector<std::string>{id});
  CHECK(result.validation.ranking.users == 39);
  CHECK_THAT(log.str(), ContainsSubstring("training: 1 user left out, no negative left to draw: " + id + "\n"));
}
