// SPDX-License-Identifier: Apache-2.0
// A user's result depends on the user's history: not on the other users in the batch, nor on how it is cut.
#include <cmath>
#include <vector>

#include "seqrec/data/batches/batcher.hpp"
#include "seqrec/data/readers/synthetic.hpp"
#include "seqrec/models/sasrec.hpp"
#include "seqrec/objectives/next_item.hpp"
#include "support/catch.hpp"
#include "support/encoders.hpp"
#include "support/toy.hpp"

using namespace seqrec;
using seqrec_test::DoubleContext, seqrec_test::deviation, seqrec_test::encode, seqrec_test::gradients_of,
    seqrec_test::ToyBatch;
using Model = SasRec<DoubleContext>;

namespace {

constexpr int items = 40;

Model random_model(const SasRecOptions& options) {
  Model model(options);
  seqrec_test::randomise(model, 4);
  return model;
}

}  // namespace

TEST_CASE("a history's states do not depend on the batch around it", "[models]") {
  const auto origin = GENERATE(PositionOrigin::end, PositionOrigin::start);
  const Model model =
      random_model({.items = items, .width = 8, .heads = 2, .max_length = 30, .position_origin = origin});
  const auto users = seqrec_test::toy_users({5, 0, 1, 30, 2, 17, 0, 8, 1}, items, 0, 3);
  std::vector<std::span<const item_t>> histories;
  for (const auto& user : users) histories.emplace_back(user.history);

  BatchBuilder packed({.num_items = items, .max_length = 30, .token_budget = GENERATE(1, 7, 256)});
  packed.pack(histories);
  DoubleContext::Team team(0, {.threads = 2, .slots = 3});
  std::vector<double> worst(users.size(), 1.0);
  team.run(packed, [&](DoubleContext& context, const Batch<HostSpace>& shard) {
    Tape<DoubleContext> tape(context, Mode::inference);
    const auto states = model.encode(tape, shard).value();
    for (index_t user = 0; user < shard.users(); ++user) {
      const auto caller = static_cast<std::size_t>(packed.order()[static_cast<std::size_t>(shard.first_user + user)]);
      worst[caller] = deviation(states.row_range(shard.offsets()(user), shard.items.length(user)),
                                encode(model, users[caller].history));
    }
  });
  for (std::size_t user = 0; user < users.size(); ++user) CHECK(worst[user] < 1e-12);
}

TEST_CASE("gradients do not depend on how a batch is cut and dealt, dropout included", "[models]") {
  const Dataset data = synthetic_dataset({.users = 30, .items = items, .genres = 4, .max_events = 20});
  const Split split = leave_one_out(data);
  const double dropout = GENERATE(0.0, 0.3);
  const NextItem objective = GENERATE(NextItem{.loss = BinaryCrossEntropy{}}, NextItem{.loss = FullSoftmax{}});
  Model model = random_model({.items = items, .width = 8, .heads = 2, .max_length = 15, .dropout = dropout});
  std::vector<double> expected;
  for (const index_t budget : {256, 7, 1})
    for (const int slots : {1, 5}) {
      Batcher batcher(
          split, {.batch_size = 20, .max_length = 15, .plan = objective.plan(), .token_budget = budget, .seed = 2});
      const auto gradients = gradients_of(model, objective, batcher.make(0, 0), {.threads = 2, .slots = slots});
      if (expected.empty()) expected = gradients;
      for (const auto& entry : model.parameters().entries()) {
        CAPTURE(budget, slots, entry.name);
        const auto part = [&](const std::vector<double>& all) {
          return std::vector<double>(all.begin() + entry.offset, all.begin() + entry.offset + entry.size());
        };
        CHECK(deviation(part(gradients), part(expected)) < 1e-12);
      }
    }
}

TEST_CASE("a batch's gradient is the mean of its users', each computed alone", "[models]") {
  Model model = random_model({.items = items, .width = 8, .max_length = 30, .dropout = 0});
  const auto users = seqrec_test::toy_users({5, 0, 1, 30, 2, 17}, items, 1, 3);
  const NextItem objective{.loss = BinaryCrossEntropy{}};
  const ToyBatch batch(users, items, 1);
  std::vector<double> sum(static_cast<std::size_t>(model.parameters().size()), 0.0);
  for (const auto& user : users) {
    const auto alone = gradients_of(model, objective, ToyBatch({user}, items, 1), {.threads = 1, .slots = 1});
    const double share = static_cast<double>(user.history.size()) / static_cast<double>(batch.rows());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += share * alone[i];
  }
  CHECK(deviation(gradients_of(model, objective, batch, {.threads = 1, .slots = 1}), sum) < 1e-12);
}

TEST_CASE("with positions from the start every row encodes its prefix, from the end only the last", "[models]") {
  const auto origin = GENERATE(PositionOrigin::start, PositionOrigin::end);
  const auto norm = GENERATE(NormPlacement::original, NormPlacement::pre, NormPlacement::post);
  const Model model =
      random_model({.items = items, .width = 6, .heads = 2, .max_length = 12, .norm = norm, .position_origin = origin});
  const std::vector<item_t> history = seqrec_test::toy_users({12}, items, 0, 8)[0].history;
  const std::vector<double> states = encode(model, history);
  const auto last_row = [](const std::vector<double>& rows) { return std::vector<double>(rows.end() - 6, rows.end()); };
  for (std::size_t length = 1; length <= history.size(); ++length) {
    const auto prefix = encode(model, {history.begin(), history.begin() + static_cast<std::ptrdiff_t>(length)});
    const std::vector<double> row(states.begin() + static_cast<std::ptrdiff_t>(6 * (length - 1)),
                                  states.begin() + static_cast<std::ptrdiff_t>(6 * length));
    CAPTURE(length);
    if (origin == PositionOrigin::start || length == history.size())
      CHECK(deviation(row, last_row(prefix)) < 1e-12);
    else
      CHECK(deviation(row, last_row(prefix)) > 1e-3);
  }
}
