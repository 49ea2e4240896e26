// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/session_task.hpp"

#include <string>
#include <utility>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/splits/session_split.hpp"
#include "seqrec/models/gru4rec.hpp"
#include "seqrec/objectives/session_next_item.hpp"
#include "support/encoders.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using namespace seqrec_test;
using Model = Gru4Rec<DoubleContext>;

namespace {

const Split& toy_split() {
  static const Split split = session_split(random_dataset(40, 12, 6, 5));
  return split;
}

TrainerOptions toy_options() {
  return {.batch_size = 3, .ema_decay = 0.5, .seed = 2, .token_budget = 2, .team = {.threads = 1}};
}

/// A model with all that it takes to train it.
struct Trained {
  Model model{{.items = toy_split().data->num_items(), .width = 4, .layers = 2, .dropout = 0, .state_dropout = 0}};
  SessionNextItem objective{.loss = BprMax{}, .negatives = 3};
  detail::SessionTask<Model, SessionNextItem> task{model, toy_split(), objective, toy_options()};

  double step(index_t number, double learning_rate) {
    return task.step({.first_batch = number,
                      .targets = task.num_targets(0, number),
                      .number = static_cast<std::uint64_t>(number),
                      .learning_rate = learning_rate});
  }
};

}  // namespace

TEST_CASE("a lane's state is that of what it has read of its session, and of nothing before", "[train]") {
  Trained trained;
  randomise(trained.model, 4);
  SessionLanes lanes(toy_split(), {.lanes = 3});
  index_t begun = 0, wrong = 0;
  for (index_t step = 0; step < lanes.steps_per_epoch(); ++step) {
    trained.step(step, 0);  // nothing moves
    const std::vector<double> carried = trained.task.carried();
    REQUIRE(carried.size() == 3 * 8);
    std::size_t row = 0;
    for (const LaneStep& lane : lanes.at(0, step)) {
      const auto history = toy_split().train_history(lane.session).first(static_cast<std::size_t>(lane.position + 1));
      const std::vector<double> states = encode(trained.model, std::vector<item_t>(history.begin(), history.end()));
      for (std::size_t column = 0; column < 4; ++column)  // of the last layer
        wrong += carried[row * 8 + 4 + column] != states[states.size() - 4 + column];
      ++row;
      begun += lane.position == 0;
    }
  }
  CHECK(begun == lanes.num_sessions());
  CHECK(wrong == 0);
}

TEST_CASE("a session task is its states and what is carried: put into another one they go on alike", "[train]") {
  Trained one, other;
  for (index_t i = 0; i < 3; ++i) one.step(i, 0.1);
  CHECK(one.task.states() == std::vector<std::string>{"model", "moment.0", "moment.1", "average"});
  for (const std::string& name : one.task.states()) other.task.put_state(name, one.task.state(name));
  CHECK(one.task.carried() != other.task.carried());
  other.task.put_carried(one.task.carried());
  other.task.resume(3);
  CHECK(one.step(3, 0.1) == other.step(3, 0.1));
  for (const std::string& name : one.task.states()) CHECK(one.task.state(name) == other.task.state(name));
  CHECK(one.task.carried() == other.task.carried());
}

TEST_CASE("what is known of sessions and items is trained, too", "[train]") {
  Dataset data = random_dataset(40, 12, 6, 5);
  std::vector<std::vector<std::string>> of_users, of_items;
  for (index_t user = 0; user < data.num_users(); ++user) of_users.push_back({user % 2 == 0 ? "even" : "odd"});
  for (index_t item = 0; item < data.num_items(); ++item) of_items.push_back({item % 3 == 0 ? "a" : "b"});
  data.user_features = make_feature_table(of_users);
  data.item_features = make_feature_table(of_items);
  const Split split = session_split(data);
  Model model({.items = split.data->num_items(), .width = 4, .user_categories = 2, .item_categories = 2});
  const SessionNextItem objective;
  detail::SessionTask<Model, SessionNextItem> task(model, split, objective, toy_options());
  const std::vector<double> before = task.state("model");
  for (index_t i = 0; i < 2; ++i)  // the first goes on from zeros, which teach a recurrence nothing
    task.step({.first_batch = i, .targets = 3, .number = static_cast<std::uint64_t>(i), .learning_rate = 0.1});
  const std::vector<double> after = task.state("model");
  for (const ParameterEntry& entry : task.entries()) {
    bool moved = false;
    for (index_t i = entry.offset; i < entry.offset + entry.size(); ++i)
      moved = moved || before[static_cast<std::size_t>(i)] != after[static_cast<std::size_t>(i)];
    CAPTURE(entry.name);
    CHECK(moved);
  }
  CHECK(task.entries().size() == 4 + 4);  // the recurrence; items, what they are composed of, and sessions
}
