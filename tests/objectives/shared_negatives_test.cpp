// SPDX-License-Identifier: Apache-2.0
// Negatives that positions share, from the batcher to the gradient: as if each position had been given the same list.
#include <algorithm>
#include <span>
#include <vector>

#include "data/small_datasets.hpp"
#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/models/avg_pool.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "seqrec/train/step.hpp"
#include "support/catch.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext;
using Model = AvgPool<DoubleContext>;

namespace {

constexpr index_t max_length = 7, negatives = 5;

/// What a packed user's rows share.
VectorView<const item_t, HostSpace> list_of(const NextItems<HostSpace>& next, index_t user) {
  return next.shared_offsets ? Jagged<const item_t, HostSpace>{next.shared, next.shared_offsets}[user] : next.shared;
}

/// Gives every position the list that its user's positions share in another batch.
struct Copied {
  const TrainingBatch<HostSpace>& other;
  std::span<const index_t> packed;  ///< users of the other batch
  const std::vector<TrainingUser>& users;

  void draw(index_t i, MatrixView<item_t, HostSpace> own) const {
    const index_t user = users[static_cast<std::size_t>(i)].user;
    const auto place = std::find(packed.begin(), packed.end(), user) - packed.begin();
    const auto list = list_of(other.next, place);
    for (index_t row = 0; row < own.rows(); ++row)
      for (index_t column = 0; column < own.columns(); ++column) own(row, column) = list(column);
  }
  void draw_in_batch(std::span<const index_t>, std::span<const offset_t>, MatrixView<item_t, HostSpace>) const {}
  void draw_shared(VectorView<item_t, HostSpace>) const {}  // nobody shares
  void choose(std::span<const item_t>, VectorView<item_t, HostSpace>) const {}
};

struct Computed {
  double loss;
  std::vector<double> gradient;
};

Computed computed(Model& model, const NextItem& objective, const HostTrainingBatch& batch) {
  DoubleContext::Team team(model.parameters().size(), {.threads = 1, .slots = 2});
  const double loss = compute_gradients(team, model, objective, batch, 21, 4);
  return {loss, {team.gradients().data, team.gradients().data + model.parameters().size()}};
}

}  // namespace

TEST_CASE("in-batch negatives: the softmax over the other next items of the batch", "[train]") {
  const Dataset data = seqrec_test::random_dataset(23, 40, 12, 5);  // few items: targets meet themselves
  const Split split = leave_one_out(data);
  Model model({.items = data.num_items(), .width = 4, .max_length = max_length});
  seqrec_test::randomise(model, 3);
  const double temperature = 0.7;
  const bool corrects = GENERATE(false, true);
  NextItem objective{.negatives = GENERATE(index_t{11}, index_t{1000}), .sharing = NegativeSharing::in_batch};
  if (corrects)
    objective.loss = SampledSoftmax{temperature};
  else
    objective.loss = InfoNce{temperature};
  CAPTURE(objective.name());
  objective.check();
  Batcher batcher(split,
                  {.batch_size = 9, .max_length = max_length, .plan = objective.plan(), .token_budget = 10, .seed = 3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() > 2);
  const Computed ours = computed(model, objective, batch);

  const TrainingBatch<HostSpace> whole = batch.whole();
  const auto loss = [&] {
    DoubleContext context;
    Tape<DoubleContext> tape(context, Mode::inference);
    const auto states = model.encode(tape, whole.histories).value();
    const auto table = model.item_head().table->view();
    const auto logit = [&](index_t row, item_t item) {
      double dot = 0;
      for (index_t d = 0; d < 4; ++d) dot += states(row, d) * table(item, d);
      return dot / temperature - (corrects ? static_cast<double>(whole.next.log_probability(item)) : 0.0);
    };
    double sum = 0;
    for (index_t row = 0; row < states.rows(); ++row) {
      const item_t target = whole.next.items(row, 0);
      double others = std::exp(logit(row, target));
      for (index_t i = 0; i < whole.next.shared.size(); ++i)
        if (whole.next.shared(i) != target) others += std::exp(logit(row, whole.next.shared(i)));
      sum += std::log(others) - logit(row, target);
    }
    return sum / static_cast<double>(states.rows());
  };
  CHECK(ours.loss == Approx(loss()).epsilon(1e-10));

  auto values = model.parameters().values();
  for (index_t i = 0; i < values.size(); i += 17) {
    const double value = values(i), step = 1e-6;
    values(i) = value + step;
    const double above = loss();
    values(i) = value - step;
    const double below = loss();
    values(i) = value;
    CHECK(ours.gradient[static_cast<std::size_t>(i)] == Approx((above - below) / (2 * step)).margin(1e-8));
  }
}

TEST_CASE("shared negatives teach what copies of them at every position would", "[train]") {
  const Dataset data = seqrec_test::random_dataset(23, 2000, 12, 5);
  const Split split = leave_one_out(data);
  Model model({.items = data.num_items(), .width = 4, .max_length = max_length});
  seqrec_test::randomise(model, 3);
  const auto sharing = GENERATE(NegativeSharing::per_user, NegativeSharing::per_batch);
  NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}, .negatives = negatives},
                                NextItem{.loss = Bpr{}, .negatives = negatives},
                                NextItem{.loss = SampledSoftmax{}, .negatives = negatives});
  objective.sharing = sharing;
  objective.sampling = {.popularity_exponent = 0.5, .reject_seen = false};
  CAPTURE(objective.name());
  Batcher batcher(split,
                  {.batch_size = 9, .max_length = max_length, .plan = objective.plan(), .token_budget = 10, .seed = 3});
  const HostTrainingBatch& batch = batcher.make(0, 0);
  REQUIRE(batch.num_shards() > 2);

  // A target among the items that its row shares is left out there, but would count here: there must be none.
  const TrainingBatch<HostSpace> whole = batch.whole();
  for (index_t user = 0; user < whole.histories.users(); ++user)
    for (index_t row = whole.histories.offsets()(user); row < whole.histories.offsets()(user + 1); ++row) {
      const auto list = list_of(whole.next, user);
      for (index_t i = 0; i < list.size(); ++i) REQUIRE(whole.next.items(row, 0) != list(i));
    }

  std::vector<TrainingUser> users;
  for (const index_t user : batch.users()) {
    const auto events = split.train_history(user);
    users.push_back({user, events.first(events.size() - 1), events.last(events.size() - 1)});
  }
  NextItem own = objective;
  own.sharing = NegativeSharing::per_position;
  HostTrainingBatch copies({data.num_items(), max_length, 10}, own.plan(), 0, batch.constants());
  copies.pack(users, Copied{whole, batch.users(), users});

  const Computed shared = computed(model, objective, batch), copied = computed(model, own, copies);
  CHECK(shared.loss == Approx(copied.loss).epsilon(1e-12));
  CHECK(seqrec_test::deviation(shared.gradient, copied.gradient) < 1e-12);
}
