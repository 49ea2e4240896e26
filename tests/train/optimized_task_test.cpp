// SPDX-License-Identifier: Apache-2.0
#include "seqrec/train/optimized_task.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "seqrec/cpu.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "support/catch.hpp"

using namespace seqrec;

namespace {

using Model = AvgPool<cpu::BasicContext<double>>;

/// A task whose steps have gradients of 1 everywhere, and no data.
class Pushed final : public detail::OptimizedTask<Model> {
 public:
  Pushed(Model& model, const TrainerOptions& options) : OptimizedTask(model, options) {}
  using OptimizedTask::decay_items;

  index_t batches_per_epoch() const override { return 1; }
  index_t num_targets(index_t, index_t) override { return 1; }
  double step(const detail::TaskStep& step) override {
    team_.run_step(1, step.number, None{}, [](auto&, int) {});
    team_.reduce();
    const auto gradients = team_.gradients();
    for (index_t i = 0; i < gradients.size(); ++i) gradients(i) = 1;
    return move(step, [] {});
  }
  RunIdentity identity(const TrainerOptions&) const override { throw ArgumentError("nobody asks"); }

 private:
  struct None {
    index_t num_shards() const { return 0; }
    int shard(index_t) const { return 0; }
  };
};

}  // namespace

TEST_CASE("a task moves weights, moments and average, but not what is frozen", "[train]") {
  Model model({.items = 5, .width = 3, .projection = PoolProjection::linear});
  const std::vector<double> begin = model.parameters().to_host();
  Pushed task(model, {.optimizer = Sgd{.momentum = 0.5}, .frozen = {"item_embedding"}, .ema_decay = 0.5});
  CHECK(task.states() == std::vector<std::string>{"model", "moment.0", "average"});
  CHECK(task.carried().empty());
  CHECK(task.step({.number = 0, .learning_rate = 0.1}) == 0);
  task.step({.number = 1, .learning_rate = 0.1});
  for (const ParameterEntry& entry : task.entries()) {
    const bool frozen = entry.name == "item_embedding.weight";
    const auto first = static_cast<std::size_t>(entry.offset);
    CAPTURE(entry.name);
    CHECK(task.state("model")[first] == Approx(begin[first] - (frozen ? 0 : 0.1 + 0.15)));
    CHECK(task.state("moment.0")[first] == (frozen ? 0 : 1.5));
    CHECK(task.state("average")[first] == Approx(begin[first] - (frozen ? 0 : 0.1 + 0.075)));
  }
}

TEST_CASE("a task lets vectors of items decay by how often they are trained", "[train]") {
  const Split split = leave_one_out(synthetic_dataset({.users = 30, .items = 10, .genres = 2, .max_events = 5}));
  const std::vector<index_t> counts = count_train_events(split);
  Model model({.items = 10, .width = 3, .projection = PoolProjection::linear});
  const std::vector<double> begin = model.parameters().to_host();
  Pushed task(model, {.optimizer = Sgd{}});
  task.decay_items(0.5, split);
  task.step({.number = 0, .learning_rate = 0.1});
  for (const ParameterEntry& entry : task.entries())
    for (index_t i = 0; i < entry.size(); ++i) {
      const double w = begin[static_cast<std::size_t>(entry.offset + i)];
      const auto n = static_cast<double>(std::max<index_t>(1, counts[static_cast<std::size_t>(i / 3 % 10)]));
      const double decay = entry.role == ParameterRole::table ? 0.5 / n * w : 0;
      CAPTURE(entry.name, i);
      CHECK(model.parameters().values(entry)(i) == Approx(w - 0.1 * (1 + decay)).epsilon(1e-13));
    }
}

TEST_CASE("a task finds what is not finite", "[train][errors]") {
  Model model({.items = 5, .width = 3});
  Pushed task(model, {});
  CHECK_NOTHROW(task.check_finite(0));
  model.parameters().values()(1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(task.check_finite(0), NonFiniteError);
}
