// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/model_task.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/cpu.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Model = AvgPool<cpu::BasicContext<double>>;

/// A model with all that it takes to train it.
struct Trained {
  Model model{{.items = 12, .width = 4, .seed = 3}};
  NextItem objective{};
  detail::ModelTask<Model, NextItem> task;

  Trained(const Split& split, const TrainerOptions& options) : task(model, split, objective, options) {}
  double step(std::uint64_t number) {
    return task.step({.targets = task.num_targets(0, 0), .number = number, .learning_rate = 0.1});
  }
};

}  // namespace

TEST_CASE("a task is its states: put into another one they go on with the same bits", "[train]") {
  const Dataset data = seqrec_test::random_dataset(9, 12, 4, 5);
  const Split split = leave_one_out(data);
  const TrainerOptions options{.ema_decay = 0.5, .seed = 2, .team = {.threads = 1}};
  Trained one(split, options), other(split, options);
  CHECK(one.task.states() == std::vector<std::string>{"model", "moment.0", "moment.1", "average"});
  for (std::uint64_t i = 0; i < 3; ++i) one.step(i);
  for (const std::string& name : one.task.states()) {
    CHECK(one.task.state(name) != other.task.state(name));
    other.task.put_state(name, one.task.state(name));
  }
  other.task.resume(3);
  CHECK(one.step(3) == other.step(3));
  for (const std::string& name : one.task.states()) CHECK(one.task.state(name) == other.task.state(name));
}

TEST_CASE("a task evaluates and names what it trains", "[train]") {
  const Dataset data = seqrec_test::random_dataset(9, 12, 4, 5);
  const Split split = leave_one_out(data);
  Trained trained(split, {});
  CHECK(trained.task.evaluate(split.validation, {}).ranking.users == split.validation.size());
  CHECK(&trained.task.entries() == &trained.model.parameters().entries());
  CHECK_NOTHROW(trained.task.check_finite(0));
  trained.model.parameters().values()(1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(trained.task.check_finite(0), NonFiniteError);
}

TEST_CASE("item vectors are those of their features after every step, and so is their average", "[train]") {
  Dataset data = seqrec_test::random_dataset(9, 12, 4, 5);
  std::vector<std::vector<std::string>> genres(12);
  for (std::size_t item = 1; item < genres.size(); ++item) genres[item] = {item % 2 == 0 ? "even" : "odd", "all"};
  data.item_features = make_feature_table(genres);
  const Split split = leave_one_out(data);
  const NextItem objective{.loss = InfoNce{}, .negatives = 100, .sharing = NegativeSharing::in_batch};
  const TrainerOptions options{.ema_decay = 0.5, .seed = 2, .team = {.threads = GENERATE(1, 3)}};
  Model model({.items = 12, .width = 4, .item_categories = data.item_features.categories(), .seed = 3});
  detail::ModelTask<Model, NextItem> task(model, split, objective, options);
  for (std::uint64_t i = 0; i < 3; ++i)
    task.step({.targets = task.num_targets(0, 0), .number = i, .learning_rate = 0.1});

  const auto known = data.item_features.view();
  for (const std::string state : {"model", "average"}) {
    const std::vector<double> values = task.state(state);
    const auto at = [&](const std::string& name, index_t row, index_t d) {
      for (const ParameterEntry& entry : task.entries())
        if (entry.name == name) return values.at(static_cast<std::size_t>(entry.offset + row * 4 + d));
      FAIL("no parameter " << name);
      return 0.0;
    };
    for (const std::string table : {"item_embedding", "output_embedding"})
      for (index_t item = 0; item < 12; ++item)
        for (index_t d = 0; d < 4; ++d) {
          double sum = at(table + ".own", item, d);
          for (index_t k = 0; k < known[item].size(); ++k) sum += at(table + ".categories", known[item](k), d);
          CHECK(at(table + ".weight", item, d) == Approx(sum).margin(1e-12));
          if (item == 0) CHECK(at(table + ".categories", 0, d) != 0);
        }
  }
}
